/* SPDX-License-Identifier: MIT */
#include "loader/rewrite.h"
bool rewrite_stray(uint64_t rip, uint64_t *copy_rip) { (void)rip; (void)copy_rip; return false; }
bool rewrite_resolve(uint64_t rip, uint64_t *site_rip) { (void)rip; (void)site_rip; return false; }
void rewrite_init(uint64_t gate, bool enabled) { (void)gate; (void)enabled; }
void rewrite_site(uint64_t addr) { (void)addr; }
void rewrite_forget(uint64_t start, uint64_t end) { (void)start; (void)end; }
void rewrite_report(void (*emit)(const char *line)) { emit("stats: sites are not rewritten"); }
