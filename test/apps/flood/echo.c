// SPDX-License-Identifier: MIT
/* Sends back what comes on each of any number of connections; says so on standard error once it
 * listens. */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 7
#define BACKLOG 1024
#define EVENTS 64

static void serve(int fd)
{
    char buf[4096];
    ssize_t n = read(fd, buf, sizeof(buf));
    if (n <= 0 || write(fd, buf, (size_t)n) != n) {
        close(fd);
    }
}

int main(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    struct rlimit files = {20000, 20000};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int set = epoll_create1(0);
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = listener};
    setrlimit(RLIMIT_NOFILE, &files);
    if (bind(listener, (struct sockaddr *)&any, sizeof(any)) != 0 ||
        listen(listener, BACKLOG) != 0 || epoll_ctl(set, EPOLL_CTL_ADD, listener, &ev) != 0) {
        err(1, "listen");
    }
    fprintf(stderr, "listening\n");
    for (;;) {
        struct epoll_event found[EVENTS];
        int n = epoll_wait(set, found, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (found[i].data.fd != listener) {
                serve(found[i].data.fd);
                continue;
            }
            int fd = accept(listener, NULL, NULL);
            struct epoll_event own = {.events = EPOLLIN, .data.fd = fd};
            if (fd < 0 || epoll_ctl(set, EPOLL_CTL_ADD, fd, &own) != 0) {
                warn("accept");
            }
        }
    }
}
