/* SPDX-License-Identifier: MIT */
/* What changes of the memory map mean for System V shared memory. */
#ifndef SYSCALL_SHM_H
#define SYSCALL_SHM_H

/* shm_mappings_changed: something was unmapped, moved or mapped over: segments may have been
 * detached. Context: may block. Source: shmctl(2). */
void shm_mappings_changed(void);

#endif
