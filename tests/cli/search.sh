# Smaller networks tried. Figures depend on the kernels' last bits, and times on the machine.
figures() {
    sed -E "s/[-+]?[0-9]+(\.[0-9]+)?/#/g; s/# #/#/g"
}
starling train "$grids" --width 8 --heads 2 --hidden 8 --batch 16 --epochs 8 --rate 1e-2 -q -o large.starling
few='--net t2 --search --sizes 10 --epochs 9 --batch 16 --again 5 --sparsity 0.5'
# shellcheck disable=SC2086  # words
starling compress large.starling --data "$grids" $few --ledger ledger -j 1 -o all >said 2>progress
head -n 3 said | figures
cmp said all.md && echo 'the same in all.md'
grep -c . all.csv
head -n 1 all.csv
tail -n +2 all.csv | cut -d, -f11 | sort | uniq -c
tail -n +2 all.csv | cut -d, -f7 | sort -un | head -n 9
cut -d, -f21 all.csv | grep -c chosen
grep -c '<circle' all.svg
echo 'a line a trial, and one of progress:'
grep -c '"trial": ' ledger
grep -c '"written": true' ledger
grep -c '^round' progress
head -n 1 progress | figures
starling inspect all.starling >shown && grep -c 'class 2' shown
echo 'by three threads the same sizes, epochs, bytes and losses:'
# shellcheck disable=SC2086
starling compress large.starling --data "$grids" $few -j 3 -q -o again
cut -d, -f1-12,16-20 all.csv >one
cut -d, -f1-12,16-20 again.csv | cmp one - && echo same
echo 'budgets:'
# shellcheck disable=SC2086
show starling compress large.starling --data "$grids" $few --most-bytes 100 -q -o none
cut -d, -f21 none.csv | sort | uniq -c
# shellcheck disable=SC2086
show starling compress large.starling --data "$grids" $few --most-us 0.001 -q -o none
cut -d, -f10,21 none.csv | sort | uniq -c
# shellcheck disable=SC2086
starling compress large.starling --data "$grids" $few --width 4 --hidden 4 --halvings 1 --budget 1000% -q -o two
tail -n +2 two.csv | cut -d, -f1-3 | sort -u
smallest=$(tail -n +2 two.csv | grep -v stopped | cut -d, -f12 | sort -n | head -n 1)
test "$(wc -c <two.starling)" = "$smallest" && echo 'the smallest that keeps to the budget'
echo 'a shorter grid of the user, here as long as the other:'
# shellcheck disable=SC2086
starling compress large.starling --data "$grids" $few --width 4 --hidden 4 --heads 2 --shorter "$grids" -q -o given
cut -d, -f1-9 given.csv
echo 'fewer units of the same weights, and more of these, taught by others:'
starling train "$grids" --net mlp --head 16 --head2 8 --teach 0 --epochs 20 --batch 16 -q -o dense.starling
starling compress dense.starling --data "$grids" --net mlp --search --halvings 1 --densities 2 --rounds 1 --teach 2 --epochs 3 \
    --batch 16 --again 5 --sparsity 0.5 -q -o cut
tail -n +2 cut.csv | cut -d, -f4,5,8,9 | sort
echo 'what is wrong:'
show starling compress large.starling --search -o x
show starling compress large.starling --data "$grids" --search --table -o x
show starling compress large.starling --data "$grids" --most-us 3 -o x
show starling compress large.starling --data "$grids" --search -o x
show starling compress large.starling --data "$grids" --net t2 --search --shorter nothing -o x
ls
