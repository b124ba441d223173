# A model judged. What is counted is the same on every machine; figures are not, they depend on the kernels' last bits.
figures() {
    sed -E "s|$grids|DATA|g; s|$model|MODEL|g; s/[-+]?[0-9]+\.[0-9]+/#/g; s/model [0-9a-f]{16}/model HASH/; s/ +(#|-)/ \1/g"
}
starling train "$grids" --epochs 3 --seed 3 -q -o a.starling
starling train "$grids" --epochs 1 --seed 4 -q -o b.starling
starling evaluate -m a.starling "$grids" --fold 1 --resamples 20 | figures | cut -c 1-60 | head -n 14
echo 'no resamples, no intervals:'
starling evaluate -m a.starling "$grids" --resamples 0 | sed -n 4,5p | figures
echo 'beside another:'
starling evaluate -m a.starling --against b.starling "$grids" --resamples 20 | tail -n 12 | figures | cut -c 1-40
echo 'two folds, each with a model of its own:'
starling train "$grids" --folds 2 --fold 0 --epochs 9 -q -o f0.starling
starling train "$grids" --folds 2 --fold 1 --epochs 9 -q -o f1.starling
starling evaluate -m f0.starling,f1.starling "$grids" --resamples 0 | head -n 5 | figures
rows_and_loss() {
    starling evaluate "$@" --json --resamples 0 | sed 's/.*"whole": {"rows": \([0-9]*\),.*"log_loss_rows": {"value": \([0-9.e-]*\).*"views".*/\1 \2/'
}
{
    rows_and_loss -m f0.starling "$grids" --folds 2 --fold 0
    rows_and_loss -m f1.starling "$grids" --folds 2 --fold 1
    rows_and_loss -m f0.starling,f1.starling "$grids"
} | awk '{ n[NR] = $1; loss[NR] = $2 }
    END { mean = (n[1] * loss[1] + n[2] * loss[2]) / n[3]
          same = loss[3] > 0 && (mean - loss[3]) ^ 2 < 1e-20
          print n[1], n[2], n[3], same ? "the same loss" : "another loss" }'
show starling evaluate -m f0.starling,f1.starling "$grids" --fold 1 2>&1 | figures
show starling evaluate -m f0.starling,"$model" "$grids" 2>&1 | figures
show starling evaluate -m , "$grids" 2>&1 | figures
echo 'lists:'
printf 'object_id\nobject 1\nobject 2\nobject 3\n' >three
starling evaluate -m a.starling "$grids" --only three --resamples 0 | grep objects
starling evaluate -m a.starling --data "$grids" --exclude three --resamples 0 | grep objects
starling train "$grids" --exclude three --epochs 3 -q -o strange.starling
starling evaluate -m strange.starling "$grids" --fold 1 --strangers three --resamples 0 | grep -e objects -e 'no class' | figures
echo 'the same for any number of threads:'
starling evaluate -m a.starling "$grids" --json -j 1 >one
starling evaluate -m a.starling "$grids" --json -j 3 | diff - one && echo yes
tr ',' '\n' <one | grep -c '"value"'
echo 'a page, and all that it needs:'
cp a.starling 'a<b>&.starling'
starling evaluate -m 'a<b>&.starling' --against b.starling "$grids" --report page.html --resamples 20 >/dev/null
grep -o '<h1>.*</h1>' page.html
[ "$(grep -c '<svg' page.html)" -gt 15 ] && [ "$(grep -c '<svg' page.html)" = "$(grep -c '</svg>' page.html)" ] && echo drawings
grep -ciE '<script|src=|href=|url\(|@import|//' page.html
echo 'what is wrong:'
show starling evaluate -m a.starling
show starling evaluate "$grids"
show starling evaluate -m a.starling "$grids" --fold 5 2>&1 | figures
show starling evaluate -m "$model" "$grids" 2>&1 | figures
show starling evaluate -m a.starling three
printf 'nobody\n' >nobody
show starling evaluate -m a.starling "$grids" --only nobody 2>&1 | figures
starling evaluate -m a.starling "$grids" --resamples 0 --report no/where.html 2>&1 >/dev/null
echo "exit code $?"
echo 'answers for other programs:'
starling evaluate -m a.starling "$grids" --resamples 0 --answers answers.csv >/dev/null
head -n 1 answers.csv
awk -F , 'NR > 1 { sum = 0; for (k = 4; k <= NF; k++) sum += $k; if (sum < 0.999 || sum > 1.001) bad++ } END { print NR - 1, "rows,", bad + 0, "bad" }' answers.csv
starling train "$grids" --soft answers.csv --epochs 1 -q -o taught.starling && echo 'and train reads them'
