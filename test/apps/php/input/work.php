<?php
// Arrays, strings, regular expressions, closures, generators, files, dates, JSON, hashes, errors.
function primes(int $limit): Generator {
    $sieve = array_fill(0, $limit, true);
    for ($i = 2; $i < $limit; $i++) {
        if ($sieve[$i]) {
            yield $i;
            for ($k = $i * $i; $k < $limit; $k += $i) {
                $sieve[$k] = false;
            }
        }
    }
}
$p = iterator_to_array(primes(20000), false);
echo count($p), " primes, the last ", end($p), "\n";
echo preg_replace_callback('/\b(\w)(\w*)\b/', fn($m) => strtoupper($m[1]) . $m[2], "some words here"), "\n";
echo json_encode(["a" => [1, 2.5, null, true], "b" => "x\u{e9}"]), "\n";
echo hash("sha256", str_repeat("elfin", 10000)), " ", md5("x"), " ", crc32("y"), "\n";
echo date("D, d M Y H:i:s", 1000000000), "\n";
echo (new DateTime("2024-03-31 01:30", new DateTimeZone("Europe/Berlin")))->modify("+1 hour")->format("c"), "\n";
file_put_contents("out.txt", implode("\n", range(1, 1000)));
echo filesize("out.txt"), " ", array_sum(file("out.txt")), " ", implode(" ", glob("*.txt")), "\n";
$f = fopen("php://temp", "w+");
fwrite($f, "one\ntwo\n");
rewind($f);
echo stream_get_contents($f);
try {
    intdiv(1, 0);
} catch (DivisionByZeroError $e) {
    echo get_class($e), ": ", $e->getMessage(), "\n";
}
$fiber = new Fiber(function (int $x): string {
    $y = Fiber::suspend($x * 2);
    return "got $y";
});
echo $fiber->start(21), " ";
$fiber->resume("back");
echo $fiber->getReturn(), "\n";
class Node {
    public ?Node $next = null;
}
for ($i = 0; $i < 100000; $i++) { // rings, for the cycle collector
    $a = new Node;
    $a->next = $a;
}
unset($a);
echo gc_collect_cycles() >= 0 ? "collected" : "", "\n";
usort($p, fn($a, $b) => strrev("$a") <=> strrev("$b"));
echo implode(",", array_slice($p, 0, 5)), "\n";
echo strtolower(PHP_OS), " ", PHP_INT_SIZE, "\n";
exit(3);
