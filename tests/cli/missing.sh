# A library that only some inputs need is not there: those are told, the others read. The program is a copy that asks
# for libraries by names that do not exist.
LC_ALL=C sed 's/libarchive\.so/libarchXve.so/g; s/libsnappy\.so/libsnXppy.so/g' "$program" >less
chmod +x less
fields='s/(libarchXve|libsnXppy)\.so[.0-9]*/\1.so/g'
starling simulate -q -n 3 --no-cutouts -o night.tar
starling simulate -q -n 3 --no-cutouts --form container -o night.avro
./less inspect night.avro night.tar 2>&1 | sed -E "$fields" | head -n 7
./less classify -m "$model" night.tar night.avro 2>&1 >/dev/null | books
LC_ALL=C sed 's/codec\x08null/codec\x0csnappy/' night.avro >snappy.avro
./less inspect snappy.avro 2>&1 | sed -E "$fields"
# Without the library that unpacks gzip fastest another one does it.
LC_ALL=C sed 's/libisal\.so/libiXal.so/g' "$program" >slower
chmod +x slower
gzip night.tar
./slower classify -m "$model" night.tar.gz 2>&1 >/dev/null | books
./less classify -m "$model" night.tar.gz 2>&1 >/dev/null | books
