/* SPDX-License-Identifier: MIT */
/* Which bytes of a file's text are certainly instructions: by its tables, or by who calls them. */
#ifndef LOADER_PROOF_H
#define LOADER_PROOF_H

#include "loader/callers.h"
#include "loader/flow.h"
#include "loader/functions.h"

struct proof {
    struct functions functions; /* opened by the owner */
    struct callers callers;
    bool has_callers; /* callers_open was called */
    unsigned budget; /* flows that the present proof may still make */
    bool cut; /* ... has not made, or it went in circles: a failure says nothing */
};

/* proof_close: give back everything, the functions too. */
void proof_close(struct proof *p);

/* proof_find: the instructions of the function around addr, as the file has them.
 * Returns NULL: nothing proves that an instruction begins at addr, or out of memory. The caller
 * destroys the flow. Context: may block in functions.source. */
struct flow *proof_find(struct proof *p, uint64_t addr);

#endif
