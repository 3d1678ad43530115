// What a JVM asks of a kernel: threads of many kinds, null checks by SIGSEGV, collection while
// threads run, compiled code, files, channels, memory-mapped buffers, timers, signals.
import java.io.*;
import java.lang.management.*;
import java.nio.*;
import java.nio.channels.*;
import java.nio.file.*;
import java.security.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.concurrent.locks.*;
import java.util.stream.*;
import java.util.zip.*;

public class Work {
    static final class Node {
        Node left, right;
        int[] data = new int[3];

        static Node tree(int depth) {
            Node n = new Node();
            if (depth > 0) {
                n.left = tree(depth - 1);
                n.right = tree(depth - 1);
            }
            return n;
        }

        int count() {
            return 1 + (left == null ? 0 : left.count() + right.count());
        }
    }

    static int garbage() throws Exception {
        Node keep = Node.tree(14);
        ExecutorService pool = Executors.newFixedThreadPool(4);
        List<Future<Integer>> parts = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            parts.add(pool.submit(() -> {
                int n = 0;
                for (int k = 0; k < 12; k++) {
                    n += Node.tree(12).count();
                }
                return n;
            }));
        }
        int total = keep.count();
        for (Future<Integer> f : parts) {
            total += f.get();
        }
        pool.shutdown();
        System.gc();
        return total + keep.count();
    }

    static long hot(int n) { // long enough for every compiler
        long h = 7;
        for (int i = 0; i < n; i++) {
            h = h * 31 + (i ^ (h >>> 7));
        }
        return h;
    }

    static void threads() throws Exception {
        AtomicInteger atomic = new AtomicInteger();
        int[] plain = {0};
        Object monitor = new Object();
        ReentrantLock lock = new ReentrantLock();
        CountDownLatch all = new CountDownLatch(50);
        for (int i = 0; i < 50; i++) {
            new Thread(() -> {
                for (int k = 0; k < 200; k++) {
                    atomic.incrementAndGet();
                    synchronized (monitor) {
                        plain[0]++;
                    }
                    lock.lock();
                    lock.unlock();
                }
                all.countDown();
            }).start();
        }
        all.await();
        System.out.println("threads " + atomic + " " + plain[0]);
        BlockingQueue<Integer> queue = new ArrayBlockingQueue<>(3);
        Thread producer = new Thread(() -> {
            try {
                for (int i = 0; i <= 500; i++) {
                    queue.put(i);
                }
            } catch (InterruptedException e) {
                System.out.println("interrupted");
            }
        });
        producer.start();
        int sum = 0;
        for (int i = 0; i <= 500; i++) {
            sum += queue.take();
        }
        System.out.println("queue " + sum);
        System.out.println("fork-join " + IntStream.rangeClosed(1, 200000).parallel()
            .mapToLong(x -> (long) x * x).sum());
        System.out.println("chained " + CompletableFuture.supplyAsync(() -> 20)
            .thenCombineAsync(CompletableFuture.supplyAsync(() -> 22), Integer::sum).get());
        Thread sleeper = new Thread(() -> {
            try {
                Thread.sleep(100000);
            } catch (InterruptedException e) {
                System.out.println("woken " + Thread.currentThread().isInterrupted());
            }
        });
        sleeper.start();
        sleeper.interrupt();
        sleeper.join();
        ScheduledExecutorService timer = Executors.newScheduledThreadPool(1);
        CountDownLatch ticks = new CountDownLatch(5);
        timer.scheduleAtFixedRate(ticks::countDown, 1, 2, TimeUnit.MILLISECONDS);
        System.out.println("ticks " + ticks.await(30, TimeUnit.SECONDS));
        timer.shutdownNow();
    }

    static int deep(int n) {
        return deep(n + 1) + 1;
    }

    static void faults() {
        int caught = 0;
        Node[] nodes = new Node[2];
        for (int i = 0; i < 20000; i++) {
            try {
                caught += nodes[i & 1].data[1];
            } catch (NullPointerException e) {
                caught++;
            }
        }
        System.out.println("null " + caught);
        try {
            System.out.println(1 / (caught - 20000));
        } catch (ArithmeticException e) {
            System.out.println(e.getMessage());
        }
        try {
            deep(0);
        } catch (StackOverflowError e) {
            System.out.println("stack overflow");
        }
        try {
            List<long[]> hog = new ArrayList<>();
            while (true) {
                hog.add(new long[1 << 21]);
            }
        } catch (OutOfMemoryError e) {
            System.out.println("out of memory");
        }
    }

    static void files() throws Exception {
        Path p = Path.of("a.txt");
        Files.writeString(p, "line\n".repeat(10000));
        System.out.println("lines " + Files.lines(p).count());
        try (FileChannel c = FileChannel.open(p, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            MappedByteBuffer b = c.map(FileChannel.MapMode.READ_WRITE, 0, c.size());
            b.put(0, (byte) 'L');
            b.force();
            ByteBuffer head = ByteBuffer.allocateDirect(4);
            c.read(head, 0);
            System.out.println("mapped " + (char) head.get(0));
        }
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream z = new GZIPOutputStream(packed)) {
            z.write(Files.readAllBytes(p));
        }
        CRC32 crc = new CRC32();
        crc.update(new GZIPInputStream(new ByteArrayInputStream(packed.toByteArray())).readAllBytes());
        System.out.println("crc " + crc.getValue());
        Pipe pipe = Pipe.open();
        Selector selector = Selector.open();
        pipe.source().configureBlocking(false);
        pipe.source().register(selector, SelectionKey.OP_READ);
        pipe.sink().write(ByteBuffer.wrap(new byte[] {1, 2, 3}));
        System.out.println("selected " + selector.select(10000));
        System.out.println("sha " + HexFormat.of().formatHex(
            MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(p)), 0, 8));
        Files.delete(p);
        System.out.println("gone " + !Files.exists(p));
    }

    public static void main(String[] args) throws Exception {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
        threads();
        System.out.println("garbage " + garbage());
        System.out.println("hot " + hot(3000000));
        faults();
        if (args.length == 0) {
            files();
        }
        boolean collected = false;
        for (GarbageCollectorMXBean b : ManagementFactory.getGarbageCollectorMXBeans()) {
            collected |= b.getCollectionCount() > 0;
        }
        System.out.println("collected " + collected);
        System.exit(9);
    }
}
