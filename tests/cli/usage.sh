# What a command line that makes no sense is told, and its exit code.
show starling
show starling clasify
show starling fly
show starling classify --modle x
show starling classify -x
show starling classify --format xml a
show starling classify -j 0 -m MODEL a
show starling classify -j -m MODEL a
show starling classify -j 1e3 -m MODEL a
show starling classify --strict=yes a
show starling classify -m
show starling classify a
show starling import a.tflite
show starling import -o x
show starling import a b -o x
show starling inspect
show starling simulate
show starling simulate night.tar
show starling simulate -o x -n 0
show starling simulate -o x -n 99999999999999999999
show starling simulate -o x --hostile 1.5
show starling simulate -o x --hostile nan
show starling simulate -o x --points 9:3
show starling simulate -o x --points 3:
show starling simulate -o x --form framed
ls x
