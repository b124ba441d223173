# What cannot be read or written is named once, with the reason; exit code 3.
starling simulate -q -n 3 --no-cutouts -o night.tar
: >empty
echo 'no model' >text
head -c 3000 "$model" >cut
mkdir folder
show starling classify -m missing night.tar
show starling classify -m empty night.tar
show starling classify -m text night.tar
show starling classify -m cut night.tar
show starling classify -m folder night.tar
show starling classify -m "$model" missing
show starling classify -m "$model" -o missing/out night.tar
show starling classify -m "$model" -o night.tar night.tar
show starling classify -m "$model" --schemas missing night.tar
show starling classify -m "$model" --quarantine missing/deep night.tar
show starling classify -m "$model" -o /dev/full night.tar | books
show starling inspect missing
show starling import missing -o x
show starling import text -o x
show starling import empty -o x
show starling simulate -o missing/night.tar
show starling simulate -o /dev/full
# Nothing was cut or made by any of it.
ls
starling inspect night.tar | head -n 1
