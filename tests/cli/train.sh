# A network from prepared data. Figures depend on the kernels' last bits.
figures() {
    sed -E "s|$grids|DATA|g; s|$model|MODEL|g; s/[0-9]+\.[0-9]+/#/g; s/[0-9]+ objects\/s, [0-9]+ s left/# objects\/s, # s left/"
}
small='--width 8 --heads 2 --hidden 8 --batch 16'
# shellcheck disable=SC2086  # words
starling train "$grids" $small --epochs 3 -o one.starling 2>&1 | figures
echo 'the same by three threads, by options from a file, and in two parts:'
# shellcheck disable=SC2086
starling train "$grids" $small --epochs 3 -q -j 3 -o threads.starling && cmp one.starling threads.starling && echo yes
printf '# a recipe\nwidth = 8\nheads=2\n hidden = 8 # few\nbatch = 16\nepochs = 2\n\nquiet\n' >recipe
starling train "$grids" --config recipe --epochs 3 -o config.starling && cmp one.starling config.starling && echo yes
# shellcheck disable=SC2086
starling train "$grids" $small --epochs 3 -q --checkpoint run --resume -o run.starling && cmp one.starling run.starling && echo yes
# shellcheck disable=SC2086
starling train "$grids" $small --epochs 3 -q --checkpoint run --resume -o again.starling && cmp one.starling again.starling && echo yes
echo 'the ledger, a line a run:'
# shellcheck disable=SC2086
starling train "$grids" $small --epochs 1 -q --ledger ledger --folds 0 -o all.starling
# shellcheck disable=SC2086
starling train "$grids" $small --epochs 1 -q --ledger ledger --seed 7 -o all.starling
wc -l <ledger
grep -o '"net": "t2"\|"seed": [0-9]*\|"n_train": [0-9]*\|"n_validate": [0-9]*\|"log_loss": null' ledger
echo 'objects left out, or alone:'
printf 'object_id\nobject 1\n"object 2",3\n' >ids
# shellcheck disable=SC2086
starling train "$grids" $small --epochs 1 -q --ledger some --exclude ids -o some.starling
# shellcheck disable=SC2086
starling train "$grids" $small --epochs 1 -q --ledger some --only ids --folds 0 -o some.starling
grep -o '"n_train": [0-9]*\|"n_validate": [0-9]*' some
echo 'from a model, and from teachers:'
starling train "$grids" --init one.starling --epochs 1 --batch 16 -q -o further.starling && echo yes
# shellcheck disable=SC2086
starling train "$grids" $small --teacher one.starling,further.starling --epochs 1 -q -o pupil.starling && echo yes
printf 'object_id,copy,class 0,class 1,class 2\nobject 1,0,1,0,0\nobject 2,1,.2,.3,.5\nnobody,0,1,1,1\nobject 3,0,-1,0,x\n' >soft
# shellcheck disable=SC2086
starling train "$grids" $small --soft soft --epochs 1 -q -o pupil.starling && echo yes
echo 'taught by networks that never saw what they teach:'
mlp='--net mlp --head 8 --head2 0 --epochs 2 --teach-epochs 1 --batch 16'
# shellcheck disable=SC2086
starling train "$grids" $mlp -o taught.starling 2>&1 | grep teacher | figures
# shellcheck disable=SC2086
starling train "$grids" $mlp --teach 0 -q --ledger alone -o pupil.starling
grep -o '"teach": [0-9]*\|"dropout": [0-9.]*' alone
echo 'what is wrong:'
show starling train
show starling train "$grids" 2>&1 | figures
show starling train "$grids" --net nothing -o x 2>&1 | figures
show starling train "$grids" --fold 5 -o x 2>&1 | figures
show starling train "$grids" --teach 1 -o x 2>&1 | figures
show starling train "$grids" --teach 2 --teacher one.starling -o x 2>&1 | figures
show starling train "$grids" --resume -o x 2>&1 | figures
show starling train "$grids" --heads 3 -o x 2>&1 | figures
show starling train "$grids" --config nowhere -o x 2>&1 | figures
printf 'speed = 3\n' >wrong
show starling train "$grids" --config wrong -o x 2>&1 | figures
show starling train ids -o x
show starling train "$grids" --only nowhere -o x 2>&1 | figures
printf 'object_id,class 0\n' >poor
show starling train "$grids" --soft poor -o x 2>&1 | figures
show starling train "$grids" --init "$model" -o x 2>&1 | figures
show starling train "$grids" --teacher "$model" -o x 2>&1 | figures
show starling train "$grids" --init gr -o x 2>&1 | figures
show starling train "$grids" --teacher ugrizy-photoz -o x 2>&1 | figures
show starling train "$grids" --init nosuch -o x 2>&1 | figures
show starling train "$grids" --epochs 1 -q --width 4 --heads 2 -o no/where 2>&1 | figures
show starling train "$grids" --checkpoint run --resume -o x 2>&1 | figures
