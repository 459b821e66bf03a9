#include "lib/sky.h"

#include <math.h>
#include <string.h>

#include "lib/error.h"

#define DEG (M_PI / 180)
#define J2000_MS 946728000000.0 /* 2000-01-01T12:00Z */
#define CENTURY_MS (36525.0 * 86400000.0)

/* What stands between two numbers, or behind the last: the signs of its place, a colon, or blanks. */
static const char *skip_sign(const char *p, const char *const *signs)
{
        while (*p == ' ')
                p++;
        for (; *signs; signs++)
                if (g_str_has_prefix(p, *signs)) {
                        p += strlen(*signs);
                        break;
                }
        while (*p == ' ')
                p++;
        return p;
}

static const char *number(const char *p, double *ret, bool *ret_whole)
{
        double value = 0, part = 0.1;
        const char *begin = p;
        for (; g_ascii_isdigit(*p) && p - begin < 6; p++)
                value = value * 10 + (*p - '0');
        if (p == begin || g_ascii_isdigit(*p))
                return NULL;
        *ret_whole = *p != '.';
        if (*p == '.')
                for (p++; g_ascii_isdigit(*p); p++, part /= 10)
                        value += (*p - '0') * part;
        *ret = value;
        return p;
}

static const char *const hour_signs[] = {"h", "H", ":", NULL};
static const char *const degree_signs[] = {"deg", "°", "d", "D", ":", NULL};
static const char *const minute_signs[] = {"m", "M", "'", "′", ":", NULL};
static const char *const second_signs[] = {"s", "S", "\"", "″", "''", NULL};

/* Says whether it is one; `ret_degrees`: it said degrees itself. */
static bool read_parts(const char *p, bool ra, double *ret, bool *ret_degrees)
{
        const char *const *first =
                ra && !strstr(p, "°") && !strstr(p, "d") && !strstr(p, "D") ? hour_signs : degree_signs;
        const char *const *signs[] = {first, minute_signs, second_signs};
        double scale = 1, sum = 0;
        bool whole = true;
        *ret_degrees = ra && first == degree_signs;
        for (guint i = 0; i < 3 && (i == 0 || *p); i++, scale *= 60) {
                double value;
                if (!whole || !(p = number(p, &value, &whole)) || (i > 0 && value >= 60))
                        return false;
                sum += value / scale;
                p = skip_sign(p, signs[i]);
        }
        *ret = sum;
        return *p == '\0';
}

bool tb_sky_parse(const char *text, bool ra, double *ret, GError **error)
{
        const char *p = text ? text : "";
        double value = 0;
        bool minus = false, degrees = false;
        while (*p == ' ')
                p++;
        if (*p == '+' || *p == '-')
                minus = *p++ == '-';
        else if (g_str_has_prefix(p, "−")) {
                minus = true;
                p += strlen("−");
        }
        bool fine = read_parts(p, ra, &value, &degrees);
        if (fine && degrees)
                value /= 15;
        fine = fine && (ra ? !minus && value < 24 : value <= 90);
        if (!fine) {
                tb_error_set_field(
                        error, TB_ERROR_INVALID, ra ? "ra" : "dec",
                        ra ? "the right ascension is 0 to 24 hours: 5h35m17s, 5:35:17, 5.588, or 83.82deg"
                           : "the declination is -90 to 90 degrees: -5d23m28s, -5:23:28 or -5.391");
                return false;
        }
        *ret = minus ? -value : value;
        return true;
}

char *tb_sky_format(double value, bool ra)
{
        gint64 tenths = llround(fabs(value) * 36000); /* of a second */
        if (ra) {
                tenths %= G_GINT64_CONSTANT(24) * 36000;
                return g_strdup_printf("%dh %02dm %02d.%ds", (int)(tenths / 36000), (int)(tenths / 600 % 60),
                                       (int)(tenths / 10 % 60), (int)(tenths % 10));
        }
        gint64 seconds = (tenths + 5) / 10;
        return g_strdup_printf("%s%d° %02d′ %02d″", value < 0 && seconds > 0 ? "-" : "+",
                               (int)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60));
}

void tb_sky_precess(double *ra_hours, double *dec_deg, gint64 t_ms, bool back)
{
        double t = ((double)t_ms - J2000_MS) / CENTURY_MS;
        double zeta = (2306.2181 * t + 0.30188 * t * t + 0.017998 * t * t * t) / 3600 * DEG,
               z = (2306.2181 * t + 1.09468 * t * t + 0.018203 * t * t * t) / 3600 * DEG,
               theta = (2004.3109 * t - 0.42665 * t * t - 0.041833 * t * t * t) / 3600 * DEG;
        if (back) {
                double was = zeta;
                zeta = -z;
                z = -was;
                theta = -theta;
        }
        double ra = *ra_hours * 15 * DEG, dec = *dec_deg * DEG;
        double a = cos(dec) * sin(ra + zeta),
               b = cos(theta) * cos(dec) * cos(ra + zeta) - sin(theta) * sin(dec),
               c = sin(theta) * cos(dec) * cos(ra + zeta) + cos(theta) * sin(dec);
        double hours = fmod((atan2(a, b) + z) / DEG / 15, 24);
        *ra_hours = hours < 0 ? hours + 24 : hours;
        *dec_deg = atan2(c, hypot(a, b)) / DEG; /* near the poles, too */
}
