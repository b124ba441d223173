# What a network that looks backwards knows behind each step; one that looks both ways cannot tell.
starling simulate -q -n 20 --no-cutouts --seed 5 -o night.tar
starling classify -m "$recurrent" -o whole.jsonl night.tar 2>books
starling classify -m "$recurrent" --every-epoch -o epochs.jsonl night.tar 2>books
starling classify -m "$recurrent" --every-epoch -j 1 night.tar 2>books | cmp - epochs.jsonl
sed -E 's/, "epochs": .*\}$/}/' epochs.jsonl | cmp - whole.jsonl && echo 'the rest of each line is as without'
echo "$(grep -c '"epochs": null' epochs.jsonl) refused of $(wc -l <epochs.jsonl)"
grep -v '"epochs": null' epochs.jsonl | head -n 1 | grep -o '"mjd"' | wc -l
grep -v '"epochs": null' epochs.jsonl | head -n 1 | grep -oE '"mjd": [0-9.]+' | sed -n '1p;2p;$p'
show starling classify -m "$model" --every-epoch night.tar
show starling classify -m "$recurrent" --every-epoch -f csv night.tar
