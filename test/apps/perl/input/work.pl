#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# A tour of perl: hashes, patterns, sorting, formats, files, modules in Perl and in C.
use strict;
use warnings;
use List::Util qw(sum reduce shuffle);
use POSIX qw(floor strftime);
use Data::Dumper;
use Digest::MD5 qw(md5_hex);
use MIME::Base64;

my (%count, @lines);
open(my $in, '<', 'words.txt') or die "words.txt: $!";
while (<$in>) {
    chomp;
    push @lines, $_;
    $count{lc $_}++ for /(\w+)/g;
}
close $in;
my @order = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
printf "%-6s %d\n", $_, $count{$_} for @order[0 .. 4];

(my $swapped = $lines[0]) =~ s/(\w+) (\w+)/$2 $1/g;
print "$swapped\n", join('|', map { scalar reverse } split /\s+/, $lines[1]), "\n";
print "recursion: ", ("((a)(b(c)))" =~ /^(\((?:[^()]++|(?1))*\))$/ ? "matched" : "no"), "\n";

$Data::Dumper::Sortkeys = 1;
$Data::Dumper::Indent = 1;
print Dumper({list => [1, 2, [3]], text => "tab\there", none => undef});
print sum(1 .. 1000), ' ', (reduce { $a * $b } 1 .. 20), ' ', floor(-2.5), "\n";
print strftime('%Y-%m-%d %H:%M:%S', gmtime 1_000_000_000), ' ', md5_hex(join "\n", @lines), "\n";
print encode_base64(pack 'NnC*', 1, 2, 3 .. 20);

open(my $out, '+>', 'numbers.bin') or die $!;
binmode $out;
print {$out} pack('w/a d<', 'x' x ($_ % 9), $_ / 7) for 1 .. 500;
seek $out, 0, 0;
local $/;
my $data = <$out>;
print length($data), ' ', unpack('%32C*', $data), ' ', -s 'numbers.bin', "\n";
close $out;

mkdir 'made' or die $!;
for my $n (1 .. 4) { open my $f, '>', "made/$n" or die $!; print $f 'y' x $n; close $f }
opendir(my $d, 'made') or die $!;
print join(',', sort grep { !/^\./ } readdir $d), ' ', join(',', map { -s } glob 'made/*'), "\n";
print rename('made/1', 'made/5') ? 'renamed' : $!, ' ', rmdir('made') ? 'gone' : $!, "\n";
unlink glob 'made/*';
print -d 'made' && rmdir('made') ? "gone\n" : "still there: $!\n";

local $SIG{ALRM} = sub { die "alarm\n" };
eval { alarm 1; select undef, undef, undef, 5; };
print "eval: $@";
local $SIG{USR1} = sub { print "signal $_[0]\n" };
kill USR1 => $$;
eval { die {code => 42} };
print "code $@->{code}, $0, @ARGV, $ENV{PERL_WORD}\n";
print STDERR "to stderr\n";
exit 9;
