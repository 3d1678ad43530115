/* SPDX-License-Identifier: MIT */
/* answer tcp|udp PORT N: answers N requests with where they came from and went to, and what they
 * said: "FROM TO TEXT". IPv6 sockets that take IPv4, too. answer names 0 0: /etc/resolv.conf, as
 * soon as there is something in it. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TEXT_MAX 256

static void check(int result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(1);
    }
}

static const char *name(const struct sockaddr_in6 *a, char *text)
{
    return inet_ntop(AF_INET6, &a->sin6_addr, text, INET6_ADDRSTRLEN);
}

static int describe(char *out, const struct sockaddr_in6 *from, const struct sockaddr_in6 *to,
                    const char *said)
{
    char a[INET6_ADDRSTRLEN];
    char b[INET6_ADDRSTRLEN];
    return snprintf(out, 2 * TEXT_MAX, "%s %s %s", name(from, a), name(to, b), said);
}

static void answer_tcp(int s)
{
    struct sockaddr_in6 from;
    struct sockaddr_in6 to;
    socklen_t len = sizeof(from);
    char text[TEXT_MAX];
    char reply[2 * TEXT_MAX];
    int c = accept(s, (struct sockaddr *)&from, &len);
    check(c, "accept");
    check(getsockname(c, (struct sockaddr *)&to, &len), "getsockname");
    ssize_t n = read(c, text, sizeof(text) - 1);
    check((int)n, "read");
    text[n] = '\0';
    check((int)write(c, reply, (size_t)describe(reply, &from, &to, text)), "write");
    close(c);
}

/* Looks up nothing, but opens sockets as whoever does, until the machine knows name servers. */
static int await_names(void)
{
    char text[TEXT_MAX];
    size_t n = 0;
    puts("ready");
    fflush(stdout);
    while (n == 0) {
        check(close(socket(AF_INET, SOCK_DGRAM, 0)), "socket");
        usleep(20000);
        FILE *f = fopen("/etc/resolv.conf", "r");
        n = f != NULL ? fread(text, 1, sizeof(text), f) : 0;
        if (f != NULL) {
            fclose(f);
        }
    }
    fwrite(text, 1, n, stdout);
    return 0;
}

static void answer_udp(int s)
{
    struct sockaddr_in6 from;
    struct sockaddr_in6 to;
    socklen_t len = sizeof(from);
    char text[TEXT_MAX];
    char reply[2 * TEXT_MAX];
    ssize_t n = recvfrom(s, text, sizeof(text) - 1, 0, (struct sockaddr *)&from, &len);
    check((int)n, "recvfrom");
    text[n] = '\0';
    check(getsockname(s, (struct sockaddr *)&to, &len), "getsockname");
    int size = describe(reply, &from, &to, text);
    check((int)sendto(s, reply, (size_t)size, 0, (struct sockaddr *)&from, len), "sendto");
}

int main(int argc, char **argv)
{
    int tcp = argc == 4 && strcmp(argv[1], "tcp") == 0;
    if (argc == 4 && strcmp(argv[1], "names") == 0) {
        return await_names();
    }
    int s = socket(AF_INET6, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
    int zero = 0;
    struct sockaddr_in6 own = {.sin6_family = AF_INET6,
                               .sin6_port = htons((in_port_t)atoi(argv[2]))};
    check(s, "socket");
    check(setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)), "IPV6_V6ONLY");
    check(bind(s, (struct sockaddr *)&own, sizeof(own)), "bind");
    check(tcp ? listen(s, 512) : 0, "listen");
    puts("ready");
    fflush(stdout);
    for (int n = atoi(argv[3]); n > 0; n--) {
        (tcp ? answer_tcp : answer_udp)(s);
    }
    return 0;
}
