# Light curves from tables.
cat >good.csv <<'EOF'
object_id,mjd,band,flux,flux_err
a,59000.1,g,10,1
a,59003.1,r,30,1
a,59006.1,g,50,2
a,59009.2,r,40,2
b,59000.1,g,1,1
c,59001.0,r,5,0.5
c,59002.0,r,6,0.5
c,59004.0,g,7,0.5
EOF
fields='s/"p": \{[^}]*\}/"p": {}/; s/"class": "[^"]*"/"class": "..."/; s/"model": "[^"]*"/"model": "..."/'
starling classify -m "$model" good.csv 2>&1 | sed -E "$fields" | books
echo 'a row that makes no sense takes its object with it, not the table:'
sed 's/59003.1,r,30,1/59003.1,r,thirty,1/' good.csv >cell.csv
starling classify -m "$model" cell.csv 2>&1 | sed -E "$fields" | books
echo 'a table without a column:'
cut -d, -f1-4 good.csv >column.csv
starling classify -m "$model" --quarantine kept column.csv 2>&1 | sed -E "$fields" | books
cat kept/reasons.jsonl
