/* SPDX-License-Identifier: MIT */
/* KVM or emulation. */
#ifndef TOOLS_ELFIN_ACCEL_H
#define TOOLS_ELFIN_ACCEL_H

enum accel { ACCEL_AUTO, ACCEL_KVM, ACCEL_TCG };

/* accel_parse: "auto", "kvm" or "tcg". Returns 0 or -EINVAL. */
int accel_parse(const char *text, enum accel *out);
const char *accel_name(enum accel accel);

/* accel_choose: try /dev/kvm. *accel becomes ACCEL_KVM or ACCEL_TCG; *why is a phrase for the user.
 * Returns 0, or an exit status after a message if ACCEL_KVM was asked for and does not work. */
int accel_choose(enum accel *accel, const char **why);

#endif
