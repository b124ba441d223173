# Labelled light curves to a data set.
cat >points.csv <<'END'
object_id,mjd,passband,flux,flux_err,detected_bool
11,59000.1,1,10,1,1
11,59003.1,2,30,1,1
11,59006.1,1,50,2,1
11,59009.2,2,40,2,1
12,59000.1,1,1,1,0
13,59001.0,2,5,0.5,1
13,59002.0,2,6,0.5,1
13,59004.0,1,7,0.5,1
14,59001.0,2,5,0.5,1
14,59002.0,2,6,0.5,1
15,59001.0,2,5,0.5,1
15,59002.0,2,6,0.5,1
16,59001.0,2,5,0.5,1
16,59002.0,2,six,0.5,1
END
cat >objects.csv <<'END'
object_id,hostgal_specz,hostgal_photoz,hostgal_photoz_err,target,true_z
11,9,0.2,0.02,90,9
12,9,0,0,42,9
13,9,0.5,0.05,42,9
15,9,0,0,7,9
16,9,0,0,90,9
END
printf 'object_id\n13\n' >reserved.csv
timeless() {
    "$@" >out 2>&1
    code=$?
    sed -E 's/ in [0-9.]+ s;/ in SOME s;/; s/and [0-9]{2,} features/and MANY features/' out
    return $code
}
show timeless starling prepare points.csv --labels objects.csv -o whole.data
show timeless starling prepare points.csv --labels objects.csv -x reserved.csv --copies 5 -j 1 -o views.data
starling prepare points.csv --labels objects.csv -x reserved.csv --copies 5 -j 3 -q -o again.data
cmp views.data again.data && echo 'any number of threads: the same file'
show timeless starling prepare points.csv --labels objects.csv --only reserved.csv --bands ugrizy --redshift \
    --planes asinh,error --features all,-band_skew --wavelengths 20 --extras channels --half -o wide.data
show timeless starling prepare points.csv --labels objects.csv --no-grid --min-points 1 -o features.data
show timeless starling prepare points.csv --labels objects.csv --no-grid --nights 3 -o x
show timeless starling prepare points.csv --labels objects.csv --nights 30 --keep-others --features log_peak,redshift -o nights.data
show timeless starling prepare points.csv --labels objects.csv --like wide.data -o alike.data
show timeless starling prepare points.csv --labels objects.csv --keep-empty -o kept.data
show timeless starling prepare points.csv --labels objects.csv --classes old=90,new=42 --like wide.data -o none.data
show timeless starling prepare points.csv --labels objects.csv --like objects.csv -o none.data
show timeless starling prepare points.csv --labels objects.csv --classes ztf -o none.data
show timeless starling prepare points.csv --labels points.csv -o none.data
show timeless starling prepare no_such.csv --labels objects.csv -o none.data
show timeless starling prepare points.csv --labels no_such.csv -o none.data
show timeless starling prepare points.csv --labels objects.csv -o no/such/folder.data
show timeless starling prepare points.csv --labels objects.csv --bands gx -o none.data
show timeless starling prepare points.csv --labels objects.csv --features log_beak -o none.data
show timeless starling prepare points.csv --labels objects.csv --planes sinh -o none.data
show timeless starling prepare points.csv --labels objects.csv --knots 2 -o none.data
show timeless starling prepare points.csv --labels objects.csv --nights 9 --scaling median_iqr -o none.data
show timeless starling prepare points.csv --labels objects.csv --extras steps -o none.data
show timeless starling prepare points.csv -o none.data
show timeless starling prepare --labels objects.csv -o none.data
show timeless starling prepare points.csv --labels objects.csv
ls
