# What is no TFLite file of t2 is refused with the reason.
printf '\0\0\0\0TFL3 and no more' >short
show starling import short -o x
head -c 5000 /dev/zero >zeros
show starling import zeros -o x
show starling import --contract mine zeros -o x
ls
