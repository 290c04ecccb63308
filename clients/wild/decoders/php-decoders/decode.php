<?php
// Reads seqd's replies with the extension msgpack, and with json_decode.

function told($got, $want) {
    if ($got === null) {
        return 'null';
    }
    if ($got === $want) {
        return 'exact';
    }
    return $got === (string) $want ? 'exact, a string' : var_export($got, true) . ', no error';
}

function row($name, $version, $read) {
    echo "row: PHP: $name\nversion: $version\n";
    echo 'big: ', told($read('big')['id'], 2 ** 53 + 1), "\n";
    echo 'wide: ', told($read('wide')['id'], 2 ** 32 + 5), "\n";
    set_error_handler(fn($level, $text) => print("error: null, and the warning \"$text\"\n"));
    $id = $read('error')['id'];
    restore_error_handler();
}

$php = PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION;
row('the extension msgpack', phpversion('msgpack') . " on PHP $php", fn($name) => msgpack_unpack(file_get_contents("$name.msgpack")));
$json = fn($name) => json_decode(file_get_contents("$name.json"), true);
row('json_decode', "PHP $php", $json);
row('json_decode, and $id + 0.0', "PHP $php", fn($name) => array_map(fn($field) => is_numeric($field) ? $field + 0.0 : $field, $json($name)));
