/* fuzz_packet.c - the bytes of records against fixed schemas: the first byte chooses ZTF-like or LSST-like and how
 * many records there shall be, the rest is the block. */
#include <stdlib.h>
#include <string.h>

#include "alert/decoder.h"
#include "fuzz_alert.h"

#define TEXT(...) #__VA_ARGS__

static const char ztf[] = TEXT(
    {"type": "record", "name": "ztf.alert", "fields": [
        {"name": "schemavsn", "type": "string"}, {"name": "objectId", "type": "string"},
        {"name": "candid", "type": "long"},
        {"name": "candidate", "type": {"type": "record", "name": "candidate", "fields": [
            {"name": "jd", "type": "double"}, {"name": "fid", "type": "int"}, {"name": "pid", "type": "long"},
            {"name": "diffmaglim", "type": ["float", "null"]}, {"name": "name", "type": ["null", "string"]},
            {"name": "a", "type": ["null", "float"]}, {"name": "b", "type": ["null", "float"]},
            {"name": "magpsf", "type": "float"}, {"name": "sigmapsf", "type": "float"},
            {"name": "isdiffpos", "type": ["string", "boolean"]}, {"name": "exptime", "type": ["null", "int"]}]}},
        {"name": "prv_candidates", "type": ["null", {"type": "array", "items": ["candidate", "null"]}]},
        {"name": "fp_hists", "type": [{"type": "array", "items": {"type": "record", "name": "fp", "fields": [
            {"name": "jd", "type": "double"}, {"name": "fid", "type": "int"},
            {"name": "forcediffimflux", "type": ["null", "float"]},
            {"name": "forcediffimfluxunc", "type": ["null", "float"]},
            {"name": "magzpsci", "type": ["null", "float", "double"]}]}}, "null"]},
        {"name": "cutout", "type": ["null", {"type": "record", "name": "cutout", "fields": [
            {"name": "fileName", "type": "string"}, {"name": "stampData", "type": "bytes"}]}]}]});

static const char lsst[] = TEXT(
    {"type": "record", "name": "lsst.v9_0.alert", "fields": [
        {"name": "diaSourceId", "type": ["long", "null"]},
        {"name": "things", "type": {"type": "map", "values": {"type": "array", "items": "float"}}},
        {"name": "diaSource", "type": ["null", {"type": "record", "name": "source", "fields": [
            {"name": "diaSourceId", "type": "long"}, {"name": "diaObjectId", "type": ["null", "long"]},
            {"name": "inner", "type": ["null", "source"]},
            {"name": "midpointMjdTai", "type": ["null", "double"]}, {"name": "psfFlux", "type": ["null", "float"]},
            {"name": "psfFluxErr", "type": ["null", "float"]}, {"name": "band", "type": ["null", "string"]},
            {"name": "f", "type": {"type": "fixed", "name": "four", "size": 4}}]}]},
        {"name": "prvDiaSources", "type": ["null", {"type": "array", "items": "source"}]},
        {"name": "kind", "type": {"type": "enum", "name": "kind", "symbols": ["a", "b"]}},
        {"name": "prvDiaForcedSources", "type": {"type": "array", "items": ["source", "four", "null"]}}]});

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sl_alert_decoder *decoder; /* its plans are kept, as in a night */
    if (size == 0 || (decoder == NULL && sl_alert_decoder_new(&decoder, NULL) != SL_OK)) return 0;
    const char *schema = data[0] & 1 ? lsst : ztf;
    const sl_container_header header = {.schema = (const unsigned char *)schema, .n_schema = strlen(schema)};
    const sl_container_block block = {.count = 1 + (data[0] >> 1), .bytes = data + 1, .n_bytes = size - 1};
    sum s = {0};
    const sl_status status = sl_alert_decode_block(decoder, &header, &block, add_up, &s, NULL);
    const size_t n = block.n_bytes < (size_t)block.count ? 1 : (size_t)block.count;
    if (status != SL_OK || s.n_good + s.n_bad != n) abort();
    return 0;
}
