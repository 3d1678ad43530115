/* SPDX-License-Identifier: MIT */
/* Network interfaces of this machine whose other end is the guest. */
#ifndef TOOLS_ELFIN_TAP_H
#define TOOLS_ELFIN_TAP_H

#define TAP_QUEUES_MAX 8

struct tap {
    int queues[TAP_QUEUES_MAX]; /* descriptors of the device, close-on-exec */
    unsigned count;
    int lowest; /* their numbers start here */
};

/* tap_open: the interface name, which exists, with up to queues queues: as many as it was made
 * for. tap_open_bridged: a new interface that is a port of the bridge; it goes away with the last
 * descriptor. Descriptors are at least lowest. Both return 0 or an exit status after a message;
 * tap_close is due in any case. */
int tap_open(const char *name, unsigned queues, int lowest, struct tap *out);
int tap_open_bridged(const char *bridge, unsigned queues, int lowest, struct tap *out);
void tap_close(struct tap *t);

#endif
