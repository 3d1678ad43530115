; Threads, mutexes, condition variables, futures and garbage collection.
(use-modules (ice-9 threads) (ice-9 futures) (ice-9 match) (srfi srfi-1) (rnrs bytevectors))

(define (say . words) (for-each display words) (newline))

(say "parallel map " (par-map (lambda (x) (* x x)) (iota 20)))
(say "futures " (map touch (map (lambda (n) (future (fold + 0 (iota n)))) '(10 100 1000 10000))))

; Several threads add to one number under a mutex.
(define lock (make-mutex))
(define total 0)
(define (add n)
  (let loop ((i 0))
    (when (< i n)
      (with-mutex lock (set! total (+ total 1)))
      (loop (+ i 1)))))
(for-each join-thread (map (lambda (_) (call-with-new-thread (lambda () (add 2000)))) (iota 4)))
(say "total " total)

; One produces, one consumes, a condition variable between them.
(define queue '())
(define filled (make-condition-variable))
(define consumer
  (call-with-new-thread
   (lambda ()
     (let loop ((sum 0))
       (let ((item (with-mutex lock
                     (while (null? queue) (wait-condition-variable filled lock))
                     (let ((x (car queue))) (set! queue (cdr queue)) x))))
         (if (eq? item 'end) sum (loop (+ sum item))))))))
(for-each (lambda (x)
            (with-mutex lock (set! queue (append queue (list x))))
            (signal-condition-variable filled))
          (append (iota 200) '(end)))
(say "consumed " (join-thread consumer))

; Garbage in two threads, collected while both run.
(define (churn seed)
  (let loop ((i 0) (keep '()))
    (if (= i 20000)
        (length keep)
        (loop (+ i 1) (if (zero? (modulo i 100)) (cons (make-bytevector 512 seed) keep) keep)))))
(say "kept " (map join-thread
                  (map (lambda (s) (call-with-new-thread (lambda () (churn s)))) '(1 2))))
(gc)

(say "caught " (catch #t (lambda () (vector-ref (vector 1 2) 5)) (lambda (key . _) key)))
(say "big " (number->string (expt 7 120)))
(call-with-output-file "out.txt" (lambda (p) (write '(a "b" 3.5) p)))
(say "read back " (call-with-input-file "out.txt" read))
