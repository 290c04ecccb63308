# Reads seqd's replies with Data::MessagePack, and with JSON::PP.
use strict;
use warnings;
use Data::MessagePack;
use JSON::PP;

sub bytes {
    my ($name) = @_;
    open my $file, '<:raw', $name or die $!;
    local $/;
    return <$file>;
}

sub told {
    my ($got, $want) = @_;
    return 'undef' unless defined $got;
    return $got eq $want ? 'exact' : "$got, no error";
}

sub row {
    my ($name, $version, $read) = @_;
    print "row: Perl: $name\n";
    print "version: $version on Perl ", $^V =~ s/^v//r, "\n";
    print 'big: ', told($read->('big')->{id}, '9007199254740993'), "\n";
    print 'wide: ', told($read->('wide')->{id}, '4294967301'), "\n";
    print 'error: ', told($read->('error')->{id}, ''), "\n";
}

row('Data::MessagePack', $Data::MessagePack::VERSION, sub { Data::MessagePack->unpack(bytes("$_[0].msgpack")) });
row('JSON::PP', $JSON::PP::VERSION, sub { decode_json(bytes("$_[0].json")) });
