/* SPDX-License-Identifier: MIT */
// cflags: -D_GNU_SOURCE
// sources: tools/elfin/address.c tools/elfin/words.c tools/elfin/report.c
// fakes:
/* Addresses and names of the command line: what is one and what only looks like one. */
#include "tools/elfin/address.h"

#include <string.h>
#include <sys/socket.h>

#include "test/unit/check.h"

static void families(void)
{
    static const char *const bad[] = {"",          "1.2.3",  "1.2.3.256", "1.2.3.4 ", " 1.2.3.4",
                                      "1.2.3.4/8", "::1%lo", "1::2::3",   "host"};
    CHECK_EQ(address_family("0.0.0.0"), AF_INET);
    CHECK_EQ(address_family("255.255.255.255"), AF_INET);
    CHECK_EQ(address_family("::"), AF_INET6);
    CHECK_EQ(address_family("fd00::5"), AF_INET6);
    CHECK_EQ(address_family("::ffff:1.2.3.4"), AF_INET6);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_EQ(address_family(bad[i]), 0);
    }
}

static void prefixes(void)
{
    static const char *const bad[] = {"1.2.3.4",    "1.2.3.4/",   "1.2.3.4/0",   "1.2.3.4/33",
                                      "1.2.3.4/8x", "1.2.3.4/-8", "1.2.3.4/+8",  "::1/129",
                                      "/8",         "1.2.3.4//8", "1.2.3.4/0008"};
    CHECK_EQ(address_prefix_family("1.2.3.4/1"), AF_INET);
    CHECK_EQ(address_prefix_family("1.2.3.4/32"), AF_INET);
    CHECK_EQ(address_prefix_family("::1/128"), AF_INET6);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_EQ(address_prefix_family(bad[i]), 0);
    }
}

static void hardware(void)
{
    static const char *const bad[] = {"",
                                      "52:54:00:12:34",
                                      "52:54:00:12:34:5",
                                      "52:54:00:12:34:567",
                                      "52:54:00:12:34:56 ",
                                      " 2:54:00:12:34:56",
                                      "0x:54:00:12:34:56",
                                      "53:54:00:12:34:56", /* a group's */
                                      "ff:ff:ff:ff:ff:ff",
                                      "52-54-00-12-34-56"};
    unsigned char mac[MAC_LEN];
    CHECK(address_mac("52:54:00:aB:34:FF", mac));
    CHECK(memcmp(mac, "\x52\x54\x00\xab\x34\xff", MAC_LEN) == 0);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(!address_mac(bad[i], mac));
    }
}

static void names(void)
{
    static const char *const bad[] = {"", "-a", "a-", ".a", "a.", "a b", "a_b", "a,b", "\xc3\xa9"};
    char name[66];
    memset(name, 'h', sizeof(name));
    name[65] = '\0';
    CHECK(!address_hostname(name));
    CHECK(address_domain(name));
    name[64] = '\0';
    CHECK(address_hostname(name));
    CHECK(address_hostname("a"));
    CHECK(address_hostname("Web-1.example.7"));
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(!address_hostname(bad[i]));
        CHECK(!address_domain(bad[i]));
    }
}

TESTS(families, prefixes, hardware, names)
