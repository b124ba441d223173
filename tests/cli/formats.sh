# The three forms of the records.
starling simulate -q -n 40 --no-cutouts --seed 5 -o night.tar
starling classify -m "$model" -o out.jsonl night.tar 2>books
starling classify -m "$model" -o out.csv night.tar 2>books
starling classify -m "$model" -o out.avro night.tar 2>books
starling classify -m "$model" -f csv night.tar 2>books | cmp - out.csv
starling classify -m "$model" -f jsonl -o out.csv night.tar 2>books
cmp out.jsonl out.csv && echo '-f is stronger than the name'
starling classify -m "$model" -f csv night.tar 2>books | head -n 1
head -c 3 out.avro
echo
