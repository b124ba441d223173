# A model made small. Figures depend on the kernels' last bits.
figures() {
    sed -E "s|$grids|DATA|g; s/model [0-9a-f]{16}/model HASH/; s/[-+]?[0-9]+(\.[0-9]+)?/#/g; s/# #/#/g"
}
small='--width 8 --heads 2 --hidden 8 --batch 16'
few='--epochs 3 --batch 16 --again 5 --sparsity 0.5'
# shellcheck disable=SC2086  # words
starling train "$grids" $small --epochs 8 --rate 1e-2 -q -o large.starling
# shellcheck disable=SC2086
starling compress large.starling --data "$grids" $few --budget 1000% --ledger ledger -o small.starling 2>&1 | figures
test "$(wc -c <small.starling)" -lt $(($(wc -c <large.starling) / 2)) && echo 'less than half'
# shellcheck disable=SC2086
starling compress large.starling --data "$grids" $few -j 3 -q -o threads.starling >/dev/null && cmp small.starling threads.starling && echo 'the same by three threads'
grep -o '"steps": "[a-z,]*"\|"written": [a-z]*\|"seed": [0-9]*' ledger
echo 'it answers:'
starling evaluate -m small.starling "$grids" --resamples 0 | head -n 3 | figures
echo 'without data:'
starling compress large.starling -o coded.starling | figures
starling compress large.starling --steps none -o copy.starling | figures
echo 'judged, not tuned:'
starling compress large.starling --data "$grids" --no-tuning --sparsity 0.3 --features 0 --folds 2 -o judged.starling 2>&1 | head -n 3 | figures
echo 'every combination:'
# shellcheck disable=SC2086
starling compress large.starling --data "$grids" $few --table -o table -q
cut -d, -f1 table.csv | grep -c .
head -n 1 table.csv
grep -c '<circle' table.svg
grep -c '^|' table.md
ls
echo 'fewer units and heads:'
# shellcheck disable=SC2086
starling compress large.starling --data "$grids" $few --steps prune --sparsity 0 --keep-units 50% --keep-heads 1 -q -o narrow.starling | head -n 1
starling inspect narrow.starling | grep encoder
starling compress large.starling --steps prune --sparsity 0 --keep-units 3 -o narrow.starling | head -n 1
starling compress large.starling --steps prune --sparsity 0 --keep-units 100% -o narrow.starling | head -n 1
echo 'a student:'
starling compress large.starling --data "$grids" --steps none --net t2 --width 4 --heads 2 --epochs 2 -q -o student.starling | figures
echo 'what is wrong:'
show starling compress
show starling compress large.starling
show starling compress large.starling --budget 1% -o x
show starling compress large.starling --steps prune,shrink -o x
show starling compress large.starling --data nothing -o x
show starling compress large.starling --data "$grids" --teacher gr -o x
show starling compress large.starling --no-tuning -o x
show starling compress large.starling --keep-units 50% -o x
show starling compress large.starling --steps prune --keep-units 1.5 -o x
show starling compress large.starling --steps prune --keep-units 101% -o x
show starling compress large.starling --steps prune --keep-units 4,4 -o x
# shellcheck disable=SC2086
starling compress large.starling --data "$grids" --steps prune --sparsity 0.999 --epochs 3 --batch 16 --again 5 --budget 0 -q -o worse.starling >/dev/null
echo "exit code $?"
ls | grep -c worse
