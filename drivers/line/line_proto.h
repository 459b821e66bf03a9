#pragma once
/*
 * What a line that a device sends says: samples. Pure: any thread. Sources: RFC 8259 (JSON), RFC 4180 (CSV), NMEA 0183 as gpsd's
 * "NMEA Revealed" describes it (checksum: XOR of what stands between $ and *).
 */
#include "drivers/driver.h"
#include "drivers/transport/declared.h"

typedef enum TbLineProtoFormat {
        TB_LINE_PROTO_AUTO, /* each line by what it begins with and has in it */
        TB_LINE_PROTO_JSON,
        TB_LINE_PROTO_CSV,
        TB_LINE_PROTO_NMEA,
        TB_LINE_PROTO_VALUES, /* name=value unit */
        TB_LINE_PROTO_REGEX,
} TbLineProtoFormat;

typedef struct TbLineProto TbLineProto;

/* Of validated parameters: format, separator, columns, pattern, time, streams; borrowed. TB_ERROR_INVALID with the field. */
TbLineProto *tb_line_proto_new(json_t *params, GError **error);
void tb_line_proto_free(TbLineProto *proto); /* NULL is fine */

typedef void (*TbLineProtoEach)(const TbSample *sample, gpointer data);
/* One line without its end. False: it says nothing that is understood; `*ret_why` (static) says what was expected. True with no call:
 * a header, a comment, an empty line, a sentence that has no numbers. */
bool tb_line_proto_parse(TbLineProto *proto, const char *line, gsize size, TbLineProtoEach each,
                         gpointer data, const char **ret_why);

/* line_nmea.c: a sentence from $ or ! on. */
bool tb_line_proto_nmea(const char *line, gsize size, TbLineProtoEach each, gpointer data,
                        const char **ret_why);
