/* NMEA 0183: position, speed, heading, depth, wind, water, transducers. */
#include <string.h>

#include "drivers/line/line_proto.h"
#include "lib/name.h"

#define FIELDS 32

typedef struct Sentence {
        char *field[FIELDS]; /* [0]: "GPGGA" */
        guint n;
        TbLineProtoEach each;
        gpointer data;
} Sentence;

static double number(const Sentence *s, guint i)
{
        char *end;
        if (i >= s->n || !*s->field[i])
                return NAN;
        double v = g_ascii_strtod(s->field[i], &end);
        return *end ? NAN : v;
}

static const char *text(const Sentence *s, guint i)
{
        return i < s->n ? s->field[i] : "";
}

static void tell(const Sentence *s, const char *stream, const char *unit, double value)
{
        if (isfinite(value))
                s->each(&(TbSample){stream, tb_declared_quantity(unit), unit, value, 0}, s->data);
}

/* 4807.038,N: degrees and minutes. */
static double degrees(const Sentence *s, guint i)
{
        double v = number(s, i), whole = trunc(v / 100), all = whole + (v - whole * 100) / 60;
        char side = text(s, i + 1)[0];
        if (!strchr("NSEW", side) || !side || v < 0)
                return NAN;
        return side == 'S' || side == 'W' ? -all : all;
}

static void place(const Sentence *s, guint i)
{
        double lat = degrees(s, i), lon = degrees(s, i + 2);
        if (!isfinite(lat) || !isfinite(lon) || fabs(lat) > 90 || fabs(lon) > 180)
                return;
        tell(s, "position.latitude", "deg", lat);
        tell(s, "position.longitude", "deg", lon);
}

static void transducers(const Sentence *s)
{
        static const struct {
                char type;
                char units;
                const char *unit;
                double scale;
        } known[] = {{'C', 'C', "Cel", 1}, {'P', 'B', "bar", 1},   {'P', 'P', "Pa", 1}, {'H', 'P', "%", 1},
                     {'A', 'D', "deg", 1}, {'U', 'V', "V", 1},     {'I', 'A', "A", 1},  {'F', 'H', "Hz", 1},
                     {'D', 'M', "m", 1},   {'T', 'R', "r/min", 1}, {'E', 'P', "%", 1},  {'V', 'P', "%", 1}};
        for (guint i = 1; i + 3 < s->n; i += 4) {
                const char *unit = "1";
                for (guint k = 0; k < G_N_ELEMENTS(known); k++)
                        if (known[k].type == text(s, i)[0] && known[k].units == text(s, i + 2)[0])
                                unit = known[k].unit;
                g_autofree char *name = g_strdup_printf("xdr.%s", text(s, i + 3));
                if (tb_name_valid(TB_NAME_STREAM, name))
                        tell(s, name, unit, number(s, i + 1));
        }
}

static void sentence(const Sentence *s, const char *kind)
{
        if (strcmp(kind, "GGA") == 0) {
                tell(s, "gnss.quality", "1", number(s, 6));
                tell(s, "gnss.satellites", "1", number(s, 7));
                if (number(s, 6) <= 0)
                        return; /* no fix: what stands there is old */
                place(s, 2);
                tell(s, "gnss.hdop", "1", number(s, 8));
                tell(s, "position.altitude", "m", number(s, 9));
        } else if (strcmp(kind, "RMC") == 0 && text(s, 2)[0] == 'A') {
                place(s, 3);
                tell(s, "speed", "m/s", number(s, 7) * 1852 / 3600);
                tell(s, "course", "deg", number(s, 8));
        } else if (strcmp(kind, "GLL") == 0 && text(s, 6)[0] == 'A') {
                place(s, 1);
        } else if (strcmp(kind, "VTG") == 0) {
                tell(s, "course", "deg", number(s, 1));
                tell(s, "speed", "m/s", number(s, 7) / 3.6);
        } else if (strcmp(kind, "GSA") == 0) {
                tell(s, "gnss.pdop", "1", number(s, 15));
        } else if (strcmp(kind, "GSV") == 0 && number(s, 2) == 1) {
                tell(s, "gnss.in-view", "1", number(s, 3));
        } else if (strcmp(kind, "HDT") == 0 || strcmp(kind, "HDM") == 0 || strcmp(kind, "HDG") == 0) {
                tell(s, "heading", "deg", number(s, 1));
        } else if (strcmp(kind, "ROT") == 0) {
                tell(s, "turn", "deg/min", number(s, 1));
        } else if (strcmp(kind, "DPT") == 0) {
                tell(s, "depth", "m", number(s, 1));
        } else if (strcmp(kind, "DBT") == 0) {
                tell(s, "depth", "m", number(s, 3));
        } else if (strcmp(kind, "MTW") == 0) {
                tell(s, "water.temperature", "Cel", number(s, 1));
        } else if (strcmp(kind, "MWV") == 0 && text(s, 5)[0] == 'A') {
                const char unit = text(s, 4)[0];
                double speed = number(s, 3) * (unit == 'K' ? 1 / 3.6 : unit == 'N' ? 1852 / 3600.0 : 1);
                tell(s, text(s, 2)[0] == 'T' ? "wind.true.angle" : "wind.angle", "deg", number(s, 1));
                tell(s, text(s, 2)[0] == 'T' ? "wind.true.speed" : "wind.speed", "m/s", speed);
        } else if (strcmp(kind, "VHW") == 0) {
                tell(s, "water.speed", "m/s", number(s, 7) / 3.6);
        } else if (strcmp(kind, "XDR") == 0) {
                transducers(s);
        }
}

bool tb_line_proto_nmea(const char *line, gsize size, TbLineProtoEach each, gpointer data,
                        const char **ret_why)
{
        guint8 sum = 0;
        gsize n = 1;
        *ret_why = "sentences of NMEA 0183 with their checksum";
        if (size < 7 || size > 512 || (line[0] != '$' && line[0] != '!'))
                return false;
        for (; n < size && line[n] != '*'; n++) {
                if (line[n] < 0x20 || line[n] > 0x7e)
                        return false;
                sum ^= (guint8)line[n];
        }
        if (n + 3 > size || g_ascii_xdigit_value(line[n + 1]) < 0 || g_ascii_xdigit_value(line[n + 2]) < 0 ||
            g_ascii_xdigit_value(line[n + 1]) * 16 + g_ascii_xdigit_value(line[n + 2]) != sum) {
                *ret_why = "sentences of NMEA 0183 whose checksum is right (a noisy line, or another baud "
                           "rate?)";
                return false;
        }
        g_autofree char *copy = g_strndup(line + 1, n - 1);
        Sentence s = {.each = each, .data = data};
        for (char *at = copy; at && s.n < FIELDS;) {
                char *comma = strchr(at, ',');
                s.field[s.n++] = at;
                if (comma)
                        *comma++ = '\0';
                at = comma;
        }
        gsize length = strlen(text(&s, 0));
        if (length >= 5 &&
            s.field[0][0] != 'P') /* a talker of two letters and the sentence; P: a maker's own */
                sentence(&s, s.field[0] + length - 3);
        return true;
}
