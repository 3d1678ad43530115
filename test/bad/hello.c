/* SPDX-License-Identifier: MIT */
/* The program in the images that test/bad/flip-image damages. */
#include <stdio.h>

int main(void)
{
    puts("hello");
    return 7;
}
