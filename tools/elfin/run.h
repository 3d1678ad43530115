/* SPDX-License-Identifier: MIT */
/* The verb `elfin run`. */
#ifndef TOOLS_ELFIN_RUN_H
#define TOOLS_ELFIN_RUN_H

/* run_main: argv[0] is "run". Returns the exit status. */
int run_main(int argc, char **argv);

#endif
