#!/bin/sh
# fetch_sqlite.sh PACKAGE INTEGRITY FOLDER: downloads the npm package without running any of its scripts, checks its
# integrity hash, and lays its SQLite amalgamation into FOLDER. FOLDER/sqlite3.c appears last and whole.
set -eu
package=$1 integrity=$2 folder=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent --ignore-scripts "$package" > name 2> errors || { cat errors >&2; exit 1; }
archive=$(tail -n 1 name)
actual="sha512-$(openssl dgst -sha512 -binary "$archive" | openssl base64 -A)"
if [ "$actual" != "$integrity" ]; then
    echo "fetch_sqlite: $package has integrity $actual, expected $integrity" >&2
    exit 1
fi
tar xzf "$archive" package/deps/sqlite3
mkdir -p "$folder"
for file in sqlite3.h sqlite3ext.h sqlite3.c; do
    cp "package/deps/sqlite3/$file" "$folder/$file.$$"
    mv "$folder/$file.$$" "$folder/$file"
done
