# Every command tells what it does.
starling --version | sed 's/(.*)/(CPU)/'
show starling --help
for command in classify inspect import simulate train evaluate compress bench; do
    show starling $command --help
    starling help $command >by_help
    starling $command -h | diff - by_help
    starling $command --man | head -n 1
done
