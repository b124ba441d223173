# The same options, the same night.
show starling simulate -n 20 --no-cutouts -o a.tar
starling simulate -n 20 --no-cutouts -o - | cmp - a.tar
starling simulate -q -n 20 --no-cutouts --seed 2 -o b.tar
cmp -s a.tar b.tar || echo 'another seed, another night'
show starling simulate -n 100 --hostile 0.2 --no-cutouts --truth truth.csv -o hostile.tar
head -n 1 truth.csv
awk -F, 'NR > 1 && $4 != "none" { broken++ } END { print NR - 1, "alerts,", broken, "broken" }' truth.csv
starling simulate --print-schema | head -c 1
echo
