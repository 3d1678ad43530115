# SPDX-License-Identifier: MIT
# Both ends of AF_UNIX connections in one process, with select; datagrams with names.
use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;
use File::Temp qw(tempdir);

my $dir = tempdir(CLEANUP => 1);
my $server = IO::Socket::UNIX->new(Local => "$dir/stream", Listen => 5) or die "listen: $!";
my @clients = map { IO::Socket::UNIX->new(Peer => "$dir/stream") or die "connect: $!" } 1 .. 5;
my $select = IO::Select->new($server);
$clients[$_]->syswrite("hello $_\n") for 0 .. 4;
my $served = 0;
while ($served < 5) {
    for my $s ($select->can_read(5)) {
        if ($s == $server) {
            $select->add($server->accept);
            next;
        }
        my $n = $s->sysread(my $buf, 100);
        $s->syswrite(ucfirst $buf);
        $select->remove($s);
        $served++ if $n;
    }
}
for my $c (@clients) {
    $c->sysread(my $buf, 100);
    print "$buf";
}
my $sink = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$dir/sink") or die "sink: $!";
my $source = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$dir/source", Peer => "$dir/sink")
    or die "source: $!";
$source->send("datagram");
my $from = $sink->recv(my $data, 100);
my ($path) = unpack_sockaddr_un($from);
print "$data from ", $path =~ s/.*\///r, "\n";
print IO::Socket::UNIX->new(Peer => "$dir/none") ? "?" : "$!", "\n";
