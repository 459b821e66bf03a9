#include "drivers/vitals/vitals_proto.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Advances over blanks and one number. */
static bool read_number(const char **p, double *ret)
{
        char *end;
        while (**p == ' ' || **p == '\t')
                (*p)++;
        if (!g_ascii_isdigit(**p))
                return false;
        *ret = g_ascii_strtod(*p, &end);
        if (end == *p || !isfinite(*ret))
                return false;
        *p = end;
        return true;
}

static bool read_count(const char **p, guint64 *ret)
{
        char *end;
        while (**p == ' ' || **p == '\t')
                (*p)++;
        if (!g_ascii_isdigit(**p))
                return false;
        errno = 0;
        *ret = g_ascii_strtoull(*p, &end, 10);
        if (errno != 0)
                return false;
        *p = end;
        return true;
}

bool tb_vitals_parse_load(const char *text, double load[3])
{
        return read_number(&text, &load[0]) && read_number(&text, &load[1]) && read_number(&text, &load[2]);
}

bool tb_vitals_parse_uptime(const char *text, double *ret)
{
        return read_number(&text, ret);
}

static bool memory_line(const char *text, const char *key, double *ret)
{
        const char *at = strstr(text, key);
        if (!at || (at != text && at[-1] != '\n'))
                return false;
        at += strlen(key);
        double kib;
        if (!read_number(&at, &kib) || !g_str_has_prefix(at, " kB"))
                return false;
        *ret = kib * 1024;
        return true;
}

bool tb_vitals_parse_memory(const char *text, TbVitalsMemory *ret)
{
        return memory_line(text, "MemTotal:", &ret->total) &&
               memory_line(text, "MemAvailable:", &ret->available) && ret->total > 0;
}

bool tb_vitals_parse_cpu(const char *text, TbVitalsCpu *ret)
{
        if (!g_str_has_prefix(text, "cpu "))
                return false;
        const char *p = text + 4;
        guint64 value[8]; /* user nice system idle iowait irq softirq steal */
        *ret = (TbVitalsCpu){0};
        for (guint i = 0; i < G_N_ELEMENTS(value); i++) {
                if (!read_count(&p, &value[i]))
                        return false;
                ret->total += value[i];
                if (i != 3 && i != 4)
                        ret->busy += value[i];
        }
        return true;
}

bool tb_vitals_parse_net(const char *text, TbVitalsNet *ret)
{
        *ret = (TbVitalsNet){0};
        guint lines = 0;
        for (const char *line = text; line && *line;
             line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
                if (lines++ < 2) /* two lines of headings */
                        continue;
                const char *end = strchrnul(line, '\n'), *colon = memchr(line, ':', (gsize)(end - line));
                if (!colon)
                        return false;
                while (*line == ' ')
                        line++;
                if (g_str_has_prefix(line, "lo:"))
                        continue;
                const char *p = colon + 1;
                guint64 value[9]; /* bytes packets errs drop fifo frame compressed multicast | bytes */
                for (guint i = 0; i < G_N_ELEMENTS(value); i++)
                        if (!read_count(&p, &value[i]))
                                return false;
                ret->received += value[0];
                ret->sent += value[8];
        }
        return lines >= 2;
}
