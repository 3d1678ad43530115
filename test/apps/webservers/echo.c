/* SPDX-License-Identifier: MIT */
/* Gives back what comes on port 8000, with a thread for each connection; ends with 3 on SIGTERM. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 8000
#define STACK 65536

static void *echo(void *arg)
{
    char buf[4096];
    int fd = (int)(intptr_t)arg;
    ssize_t n;
    while ((n = read(fd, buf, sizeof(buf))) > 0) {
        for (ssize_t done = 0; done < n;) {
            ssize_t part = write(fd, buf + done, (size_t)(n - done));
            if (part <= 0) {
                return NULL;
            }
            done += part;
        }
    }
    close(fd);
    return NULL;
}

static void end(int number)
{
    (void)number;
    _exit(3);
}

int main(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, STACK);
    pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
    signal(SIGTERM, end);
    if (bind(listener, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(listener, 1000) != 0) {
        perror("echo");
        return 1;
    }
    for (;;) {
        pthread_t t;
        int fd = accept(listener, NULL, NULL);
        if (fd < 0 || pthread_create(&t, &small, echo, (void *)(intptr_t)fd) != 0) {
            perror("echo");
            return 1;
        }
    }
}
