# What the bench measures and says; how long things take is not a test's business.
plain='s/[0-9][0-9.]*/N/g; s/ +/ /g; s/ - / N /g; s/N (-|N) (-|N)$/N N N/; s/[a-z]+N?[a-z]* kernels, .*/CPU kernels, COMPILER/; s/model [0-9a-fN]+,/model HASH,/'
starling simulate -q -n 20 --no-cutouts -o night.tar
starling bench -m "$model" -n 1 -t 0 -j 2 --night 20 night.tar 2>&1 | sed -E "$plain"
echo 'a table, without a model, under other bands:'
cat >curve.csv <<'END'
object_id,mjd,band,flux,flux_err
a,59000.1,g,10,1
a,59003.1,y,30,1
a,59006.1,u,50,2
END
starling bench -n 1 -t 0 --bands uy --warm-only curve.csv 2>&1 | sed -E "$plain" | head -n 6
echo 'features beside the grid, and a packed model:'
starling bench -m "$packed" -n 1 -t 0 -j 2 --alerts 20 --night 20 --warm-only 2>&1 | sed -E "$plain" | grep -E 'file|network, N'
echo 'for programs:'
starling bench -m "$model" -n 1 -t 0 -j 2 --alerts 2 --night 2 --json >bench.json
python3 - <<'END'
import json

with open("bench.json", encoding="utf-8") as file:
    told = json.load(file)
print(" ".join(told))
for stage, figures in told["stages"].items():
    assert figures["per_second"] > 0 and figures["inputs"] > 0, stage
    assert stage.startswith("tar_") or 0 < figures["p50_us"] <= figures["p99_us"], stage
print(" ".join(told["stages"]))
print(len(told["fit_by_points"]), "bins,", sum(bin["curves"] for bin in told["fit_by_points"]), "light curves")
assert all(row["us"] >= 0 and 0 < row["flop"] for row in told["network"])
print(" ".join(row["kernel"] for row in told["network"]))
assert 0.3 < sum(row["flop"] for row in told["network"]) / told["network_flop"] < 3
assert told["peak_gflops"] > 0.1 and told["cold"]["start_us"] > 0 and told["cold"]["peak_kb"] > 500
END
echo 'features beside the grid, and alone:'
awk 'BEGIN {
    print "object_id,mjd,band,flux,flux_err"
    for (k = 0; k < 12; k++) for (i = 0; i < 9; i++) print k "," 59000 + 5 * i "," (i % 2 ? "g" : "r") "," (k + 1) * (2 + i % 4) ",1"
}' >some.csv
awk 'BEGIN { print "object_id,type"; for (k = 0; k < 12; k++) print k "," (k % 2 ? "odd" : "even") }' >labels.csv
for how in --half --no-grid; do
    net=$([ $how = --no-grid ] && echo mlp || echo t2)
    starling prepare some.csv --labels labels.csv --classes odd,even $how -q -o some.data
    starling train some.data --net "$net" --folds 0 --teach 0 --epochs 1 --head 4 -q -o some.starling
    starling bench -m some.starling -n 1 -t 0 --alerts 80 --night 20 --warm-only --json | grep -o '"network_32"'
done
show starling bench --bands grx
show starling bench -m "$model" --bands gr
show starling bench -m "$model" missing.tar
: >empty
show starling bench empty
