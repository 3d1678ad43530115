// SPDX-License-Identifier: MIT

// What Go's runtime asks of a kernel: many goroutines on few threads, preemption by signal, nil
// checks by SIGSEGV, timers, collection under load, pipes and files under its poller.
package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func check(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// A ring of n goroutines passes a number around.
func ring(n, rounds int) int {
	first := make(chan int)
	in := first
	for i := 0; i < n; i++ {
		out := make(chan int)
		go func(in, out chan int) {
			for v := range in {
				out <- v + 1
			}
			close(out)
		}(in, out)
		in = out
	}
	v := 0
	for i := 0; i < rounds; i++ {
		first <- v
		v = <-in
	}
	close(first)
	return v
}

func shared() (int, int64, int) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var rw sync.RWMutex
	var once sync.Once
	var counter int64
	sum, inits := 0, 0
	seen := map[int]bool{}
	for i := 0; i < 200; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			once.Do(func() { inits++ })
			for k := 0; k < 500; k++ {
				atomic.AddInt64(&counter, 1)
				mu.Lock()
				sum += k
				mu.Unlock()
				if k%50 == 0 {
					runtime.Gosched()
				}
			}
			rw.Lock()
			seen[i] = true
			rw.Unlock()
			rw.RLock()
			_ = seen[0]
			rw.RUnlock()
		}(i)
	}
	wg.Wait()
	return sum, counter, inits*1000 + len(seen)
}

// Loops without a call stop only when a signal preempts them.
func preempted() string {
	var stop, spun int32
	for i := 0; i < runtime.GOMAXPROCS(0)+1; i++ {
		go func() {
			x := 0
			for atomic.LoadInt32(&stop) == 0 {
				x++
			}
			atomic.AddInt32(&spun, 1)
		}()
	}
	time.Sleep(20 * time.Millisecond)
	runtime.GC() // stops the world
	atomic.StoreInt32(&stop, 1)
	for atomic.LoadInt32(&spun) != int32(runtime.GOMAXPROCS(0)+1) {
		time.Sleep(time.Millisecond)
	}
	return "yes"
}

type node struct {
	left, right *node
	data        [4]int
}

func tree(depth int) *node {
	if depth == 0 {
		return &node{}
	}
	return &node{tree(depth - 1), tree(depth - 1), [4]int{depth}}
}

func (n *node) count() int {
	if n == nil {
		return 0
	}
	return 1 + n.left.count() + n.right.count()
}

func collect() (total int, finalized bool) {
	debug.SetGCPercent(20)
	defer debug.SetGCPercent(100)
	keep := tree(12)
	results := make(chan int)
	for i := 0; i < 4; i++ {
		go func() {
			n := 0
			for k := 0; k < 20; k++ {
				n += tree(10).count()
			}
			results <- n
		}()
	}
	for i := 0; i < 4; i++ {
		total += <-results
	}
	done := make(chan bool, 1)
	func() {
		x := &node{}
		runtime.SetFinalizer(x, func(*node) { done <- true })
	}()
	for i := 0; i < 100 && !finalized; i++ {
		runtime.GC()
		select {
		case finalized = <-done:
		case <-time.After(10 * time.Millisecond):
		}
	}
	return total + keep.count(), finalized
}

func caught(f func()) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = fmt.Sprint(r)
			if e, ok := r.(runtime.Error); ok {
				text += " (runtime error)"
				_ = e
			}
		}
	}()
	f()
	return "nothing"
}

func deep(n int) int {
	var pad [64]int
	pad[n%64] = n
	if n == 0 {
		return 0
	}
	return deep(n-1) + pad[n%64] - n + 1
}

func timers() {
	start := time.Now()
	ticks := 0
	ticker := time.NewTicker(5 * time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
loop:
	for {
		select {
		case <-ticker.C:
			ticks++
			if ticks == 5 {
				ticker.Stop()
			}
		case <-ctx.Done():
			break loop
		}
	}
	took := time.Since(start)
	fmt.Println("ticks", ticks, errors.Is(ctx.Err(), context.DeadlineExceeded),
		took >= 500*time.Millisecond, took < 30*time.Second)
	var order []int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, ms := range []int{650, 50, 350} {
		ms := ms
		wg.Add(1)
		time.AfterFunc(time.Duration(ms)*time.Millisecond, func() {
			mu.Lock()
			order = append(order, ms)
			mu.Unlock()
			wg.Done()
		})
	}
	wg.Wait()
	fmt.Println("order", order)
}

func files() {
	r, w, err := os.Pipe()
	check(err)
	go func() {
		z := gzip.NewWriter(w)
		for i := 0; i < 20000; i++ {
			fmt.Fprintln(z, "line", i)
		}
		z.Close()
		w.Close()
	}()
	z, err := gzip.NewReader(r)
	check(err)
	h := sha256.New()
	n, err := io.Copy(h, z)
	check(err)
	fmt.Printf("pipe %d %x\n", n, h.Sum(nil)[:6])

	r2, _, err := os.Pipe()
	check(err)
	check(r2.SetReadDeadline(time.Now().Add(10 * time.Millisecond)))
	_, err = r2.Read(make([]byte, 1))
	fmt.Println("deadline", errors.Is(err, os.ErrDeadlineExceeded))

	var wg sync.WaitGroup
	for i := 0; i < 8; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			check(os.WriteFile(fmt.Sprint("f", i), []byte(strings.Repeat("x\n", 1000*i)), 0o600))
		}(i)
	}
	wg.Wait()
	entries, err := os.ReadDir(".")
	check(err)
	var names []string
	for _, e := range entries {
		info, _ := e.Info()
		if strings.HasPrefix(e.Name(), "f") {
			names = append(names, fmt.Sprint(e.Name(), ":", info.Size()))
		}
	}
	sort.Strings(names)
	fmt.Println(strings.Join(names, " "))
	f, err := os.Open("f7")
	check(err)
	lines := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		lines++
	}
	fmt.Println("lines", lines)
	_, err = os.Open("none")
	fmt.Println(err)
}

func signals() {
	got := make(chan os.Signal, 4)
	signal.Notify(got, syscall.SIGUSR1, syscall.SIGTERM)
	for _, s := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGTERM} {
		check(syscall.Kill(syscall.Getpid(), s))
		fmt.Println("signal", <-got)
	}
	signal.Stop(got)
}

func main() {
	fmt.Println("ring", ring(500, 100))
	fmt.Println(shared())
	fmt.Println("preempted", preempted())
	fmt.Println(collect())
	var none *node
	var list []int
	zero := 0
	fmt.Println(caught(func() { none.data[1] = 1 }))
	fmt.Println(caught(func() { fmt.Println(list[zero+5]) }))
	fmt.Println(caught(func() { fmt.Println(1 / zero) }))
	results := make(chan int)
	for i := 0; i < 4; i++ {
		go func() { results <- deep(20000) }()
	}
	fmt.Println("deep", <-results+<-results+<-results+<-results)
	timers()
	files()
	signals()
	locked := make(chan bool)
	go func() { runtime.LockOSThread(); locked <- true }() // its thread ends with it
	fmt.Println("locked", <-locked)
	defer fmt.Println("not reached")
	os.Exit(7)
}
