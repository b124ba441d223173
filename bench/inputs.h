/* bench/inputs.h - what the bench runs on, all of it held in memory. */
#ifndef STARLING_BENCH_INPUTS_H
#define STARLING_BENCH_INPUTS_H

#include <starling/starling.h>

typedef struct packet {
    unsigned char *bytes;
    size_t n_bytes;
} packet;

typedef struct inputs {
    packet *packets; /* one Avro container each; none where light curves were given */
    size_t n_packets;
    sl_alert *alerts; /* every record of the packets, or every light curve of the CSV; points copied */
    size_t n_alerts;
} inputs;

/* A file, a folder of files, or a plain tar of files; each packet is one Avro container. False with a message. */
bool inputs_read_packets(inputs *in, const char *path);
/* The same from sl_simulate_write. */
bool inputs_simulate(inputs *in, uint64_t n_alerts);
/* CSV with the columns object_id,mjd,band,flux,flux_err in this order (FLUXCAL, days). */
bool inputs_read_curves(inputs *in, const char *path);
/* Decode the packets into alerts. */
bool inputs_decode(inputs *in);
void inputs_free(inputs *in);

/* A tar in memory of the packets, again and again until it has n; the descriptor can be opened by path. -1 on failure.
 */
int inputs_make_tar(const inputs *in, size_t n);

#endif
