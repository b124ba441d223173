/* make_features_model FILE - an mlp of random weights whose features have tables of knots. */
#include <math.h>
#include <stdio.h>

#include "base/half.h"
#include "base/rng.h"
#include "starling/train.h"
#include "train/nets.h"

int main(int argc, char **argv)
{
    sl_error err = {0};
    static sl_contract c;
    sl_net_size size;
    sl_status status = argc == 2 ? sl_contract_preset("starling", &c, &err) : SL_ERR_INVAL;
    if (status == SL_OK) status = sl_net_size_preset("mlp", &size, &err);
    if (status == SL_OK) {
        sl_rng rng;
        sl_rng_init(&rng, 1, 0);
        c.sees = SL_SEES_FEATURES;
        c.n_features = 20;
        for (uint32_t i = 0; i < c.n_features; i++) c.features[i] = (sl_feature)(i < 8 ? 1 + i : 56 + i);
        c.feature_bands[12] = 1;
        c.feature_knots = 9;
        for (uint32_t i = 0; i < sl_contract_input_features(&c); i++) {
            float x = (float)sl_rng_normal(&rng);
            for (uint32_t k = 0; k < 9; k++, x += (float)sl_rng_uniform(&rng) * (float)(i % 3)) {
                c.feature_table[9 * i + k] = sl_half_from_float(i % 2 ? rintf(16 * x) / 16 : x);
            }
        }
        size.head[0] = 48;
        size.head[1] = 32;
        status = sl_net_write(&size, &c, 1, argv[1], &err);
    }
    if (status == SL_OK) return 0;
    fprintf(stderr, "make_features_model FILE: %s\n", err.message);
    return 1;
}
