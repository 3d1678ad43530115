// SPDX-License-Identifier: MIT

// Go and C in one program: calls both ways, threads that C made, memory of both.
package main

/*
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static __thread int own;

static int add(int a, int b) { own += a; return own + b - own + a; }
static int fail(void) { errno = ENOENT; return -1; }

extern int fromC(int);

static void *body(void *arg) { return (void *)(long)fromC((int)(long)arg); }
static long threaded(int n)
{
    pthread_t t[16];
    long sum = 0;
    for (int i = 0; i < n; i++) pthread_create(&t[i], NULL, body, (void *)(long)i);
    for (int i = 0; i < n; i++) { void *r; pthread_join(t[i], &r); sum += (long)r; }
    return sum;
}
*/
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"unsafe"
)

//export fromC
func fromC(n C.int) C.int {
	garbage := make([][]byte, 0, 16)
	for i := 0; i < 16; i++ {
		garbage = append(garbage, make([]byte, 4096))
	}
	return n * C.int(len(garbage))
}

func main() {
	fmt.Println("add", C.add(2, 3))
	_, err := C.fail()
	fmt.Println("errno", err)
	s := C.CString("from Go")
	fmt.Println("string", C.GoString(s), C.strlen(s))
	C.free(unsafe.Pointer(s))
	var wg sync.WaitGroup
	var mu sync.Mutex
	var total C.long
	for i := 0; i < 8; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			n := C.threaded(16)
			mu.Lock()
			total += n
			mu.Unlock()
		}()
	}
	for i := 0; i < 5; i++ {
		runtime.GC()
	}
	wg.Wait()
	fmt.Println("threads", total)
	func() {
		defer func() { fmt.Println("recovered", recover()) }()
		var p *int
		*p = 1
	}()
	os.Exit(2)
}
