# Nothing is lost: every alert has a record, and the last line balances.
starling simulate -q -n 200 --no-cutouts -o night.tar
starling classify -m "$model" -o out.jsonl night.tar 2>&1 | books
wc -l <out.jsonl
echo 'a record each, in order, the same for any number of workers:'
for threads in 1 2 5; do starling classify -j $threads -m "$model" night.tar 2>books | cmp - out.jsonl; done
echo 'standard input and a folder give the same:'
starling classify -m "$model" <night.tar 2>books | cmp - out.jsonl
mkdir folder && tar -xf night.tar -C folder
starling classify -m "$model" folder 2>books | cmp - out.jsonl
echo 'a reader that goes away is no failure:'
starling simulate -q -n 3000 --no-cutouts -o long.tar
{
    starling classify -m "$model" long.tar 2>said
    echo "exit code $?" >code
} | head -n 1 | wc -l
sed 's/^read .*/read .../' said
cat code
echo 'broken alerts:'
starling simulate -q -n 300 --no-cutouts --hostile 0.5 --seed 7 -o hostile.tar
starling classify -m "$model" --quarantine kept -o hostile.jsonl hostile.tar 2>&1 | books
wc -l <hostile.jsonl
echo "kept: $(wc -l <kept/reasons.jsonl) reasons, as many as the books have: $(grep -c '"reason": "[^"]*"' kept/reasons.jsonl)"
starling classify -m "$model" --strict -o out hostile.tar 2>books
echo "--strict: exit code $?"
starling classify -m "$model" --strict -o out empty_night 2>books
echo "nothing there: exit code $?"
