// Threads of Rust's library: channels, locks, condition variables, barriers, scopes, panics.
use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{channel, sync_channel, RecvTimeoutError};
use std::sync::{Arc, Barrier, Condvar, Mutex, Once, RwLock};
use std::thread;
use std::time::{Duration, Instant};

thread_local!(static OWN: std::cell::Cell<u32> = std::cell::Cell::new(7));
static ONCE: Once = Once::new();
static INITS: AtomicUsize = AtomicUsize::new(0);

fn channels() {
    let (tx, rx) = channel();
    for id in 0..8u64 {
        let tx = tx.clone();
        thread::spawn(move || {
            for i in 0..1000 {
                tx.send(id * 1000 + i).unwrap();
            }
        });
    }
    drop(tx);
    println!("mpsc {}", rx.iter().sum::<u64>());
    let (tx, rx) = sync_channel(0); // each send waits for its receive
    let t = thread::spawn(move || (0..500).for_each(|i| tx.send(i).unwrap()));
    println!("rendezvous {}", rx.iter().map(|x: i32| x as i64).sum::<i64>());
    t.join().unwrap();
    let (_tx, rx) = channel::<u8>();
    let start = Instant::now();
    let late = rx.recv_timeout(Duration::from_millis(20)) == Err(RecvTimeoutError::Timeout);
    println!("timeout {} {}", late, start.elapsed() >= Duration::from_millis(20));
}

fn locks() {
    let counter = Arc::new(Mutex::new(0u64));
    let atomic = Arc::new(AtomicU64::new(0));
    let map = Arc::new(RwLock::new(HashMap::new()));
    let barrier = Arc::new(Barrier::new(8));
    let leaders = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..8)
        .map(|id| {
            let (counter, atomic, map) = (counter.clone(), atomic.clone(), map.clone());
            let (barrier, leaders) = (barrier.clone(), leaders.clone());
            thread::Builder::new().name(format!("t{id}")).spawn(move || {
                ONCE.call_once(|| {
                    INITS.fetch_add(1, Ordering::SeqCst);
                });
                OWN.with(|c| c.set(c.get() + id));
                if barrier.wait().is_leader() {
                    leaders.fetch_add(1, Ordering::SeqCst);
                }
                for i in 0..2000 {
                    *counter.lock().unwrap() += 1;
                    atomic.fetch_add(i, Ordering::Relaxed);
                }
                map.write().unwrap().insert(id, thread::current().name().unwrap().to_string());
                let seen = map.read().unwrap().contains_key(&id);
                OWN.with(|c| c.get()) + seen as u32
            }).unwrap()
        })
        .collect();
    let own: Vec<u32> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    println!("own {:?} here {}", own, OWN.with(|c| c.get()));
    println!("counter {} atomic {}", counter.lock().unwrap(), atomic.load(Ordering::SeqCst));
    println!("map {} once {} leaders {}", map.read().unwrap()[&3],
        INITS.load(Ordering::SeqCst), leaders.load(Ordering::SeqCst));
}

fn turns() {
    let shared = Arc::new((Mutex::new(0usize), Condvar::new()));
    let threads: Vec<_> = (0..4).map(|me| {
        let shared = shared.clone();
        thread::spawn(move || {
            for _ in 0..50 {
                let mut turn = shared.0.lock().unwrap();
                while *turn % 4 != me {
                    turn = shared.1.wait(turn).unwrap();
                }
                *turn += 1;
                shared.1.notify_all();
            }
        })
    }).collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
    println!("turns {}", shared.0.lock().unwrap());
}

fn scopes_and_panics() {
    let data: Vec<u64> = (0..100_000).collect();
    let sums: Vec<u64> = thread::scope(|s| {
        let parts: Vec<_> = data.chunks(25_000).map(|c| s.spawn(|| c.iter().sum())).collect();
        parts.into_iter().map(|p| p.join().unwrap()).collect()
    });
    println!("scope {:?}", sums);
    std::panic::set_hook(Box::new(|_| {}));
    let poisoned = Arc::new(Mutex::new(1));
    let inner = poisoned.clone();
    let r = thread::spawn(move || {
        let _held = inner.lock().unwrap();
        panic!("inside");
    }).join();
    println!("panic {:?} poisoned {}", r.unwrap_err().downcast_ref::<&str>(), poisoned.is_poisoned());
    let parked = thread::spawn(|| { thread::park(); "unparked" });
    parked.thread().unpark();
    println!("{}", parked.join().unwrap());
    println!("parallel {}", thread::available_parallelism().is_ok());
}

fn files() {
    let mut f = fs::File::create("out.txt").unwrap();
    (0..5000).for_each(|i| writeln!(f, "line {i}").unwrap());
    let lines = BufReader::new(fs::File::open("out.txt").unwrap()).lines().count();
    println!("lines {} size {}", lines, fs::metadata("out.txt").unwrap().len());
    println!("{:?}", fs::File::open("none").unwrap_err().kind());
}

fn main() {
    channels();
    locks();
    turns();
    scopes_and_panics();
    files();
    let v: Vec<i32> = Vec::new();
    println!("{}", std::panic::catch_unwind(|| v[3]).is_err());
    std::process::exit(8);
}
