/* SPDX-License-Identifier: MIT */
/* The tables that /proc is made of: what procfs.c joins. */
#ifndef FS_PROCTABLES_H
#define FS_PROCTABLES_H

#include "fs/textfs.h"

extern const struct textfs_entry procself_table[]; /* /proc/<pid>, but for task: procself.c */
extern const struct textfs_entry procsys_table[]; /* /proc/sys: procsys.c */
extern const struct textfs_numbers procfd_links, procfd_infos; /* fd, fdinfo: procfd.c */

/* Machine-wide files: procinfo.c. */
void procinfo_cpuinfo(struct text *t, uint64_t key);
void procinfo_meminfo(struct text *t, uint64_t key);
void procinfo_stat(struct text *t, uint64_t key);
void procinfo_uptime(struct text *t, uint64_t key);
void procinfo_loadavg(struct text *t, uint64_t key);
void procinfo_version(struct text *t, uint64_t key);
void procinfo_filesystems(struct text *t, uint64_t key);
void procinfo_cmdline(struct text *t, uint64_t key);
void procinfo_devices(struct text *t, uint64_t key);
void procinfo_swaps(struct text *t, uint64_t key);
void procinfo_vmstat(struct text *t, uint64_t key);

/* Lines of /proc/self/mounts and mountinfo: procmount.c. */
void procmount_mounts(struct text *t, uint64_t key);
void procmount_info(struct text *t, uint64_t key);

#endif
