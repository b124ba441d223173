# Models and alerts, for people and for programs.
starling inspect "$model" | books
starling inspect --json "$model" | books
starling inspect "$packed" | books | sed -n '/^  layer/,$p'
starling simulate -q -n 50 --seed 3 --no-cutouts -o night.tar
starling inspect night.tar
starling inspect --json night.tar
starling simulate -q -n 50 -s lsst --points 30:40 --no-cutouts --form container -o lsst.avro
starling inspect lsst.avro | head -n 9
echo 'a text' >text
: >empty
show starling inspect text empty
show starling inspect --json text
echo 'framed messages need their schemas:'
mkdir schemas
starling simulate --print-schema -s lsst >schemas/lsst.v10_0.avsc
starling simulate -q -n 5 -s lsst --form framed --no-cutouts -o framed.tar
starling inspect framed.tar | head -n 4
starling inspect --schemas schemas framed.tar | head -n 4
