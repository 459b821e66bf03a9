#pragma once
/*
 * A device of one of the kernel's classes by what it is, and not by the number that the kernel gave it at this start: hwmon3 may be
 * hwmon1 tomorrow. In every driver alike:
 *
 *      foo://lm75                          the one of that name
 *      foo://lm75?device=0-0048            where several have it: the device behind it, as the kernel calls it
 *      foo://corsairpsu?usb=1b1c:1c07      the one on that USB device (usbrule.h)
 *      foo:///sys/class/hwmon/hwmon3       a folder
 *
 * It is looked for whenever the lane opens. Thread: any; check is pure.
 */
#include "drivers/driver.h"
#include "drivers/transport/usbrule.h"

typedef struct TbSysclass {
        const char *folder; /* "/sys/class/hwmon" */
        const char *prefix; /* "hwmon": entries that begin otherwise are of another sort */
        const char *
                name; /* the attribute that says what it is: "name"; the entry's own name where there is none */
        const char *what; /* for texts: "sensor chip" */
        bool behind;      /* its folder lies in that of the device behind it, and has no link "device" */
} TbSysclass;

/* The rows that such a driver has in its table of parameters. */
#define TB_SYSCLASS_PARAMS                                                                                   \
        {.name = "device",                                                                                   \
         .type = TB_PARAM_STRING,                                                                            \
         .min = 1,                                                                                           \
         .max = 128,                                                                                         \
         .help = "which of several with this name: the device behind it, as the kernel calls it: 0-0048, "   \
                 "coretemp.0"},                                                                              \
                TB_USBRULE_PARAM

/* For TbDriver.check: a name, a rule or an absolute path. */
bool tb_sysclass_check(const TbUri *uri, json_t *params, GError **error);
/* Its folder now. GONE: it is not there (the text names those that are); UNPROCESSABLE: it could be several. The caller frees. */
char *tb_sysclass_find(const TbSysclass *sort, const TbUri *uri, const json_t *params, GError **error);
/* Every folder of that class, in the order of their numbers (owned texts). NULL: it cannot be read. The caller unrefs. */
GPtrArray *tb_sysclass_all(const TbSysclass *sort, GError **error);
/* What it is called; the caller frees. */
char *tb_sysclass_name(const TbSysclass *sort, const char *folder);
/* The URI that finds it again, and what there is to say of it; *ret_why: how the URI tells it from others; the caller frees both. */
char *tb_sysclass_uri(const TbSysclass *sort, const char *scheme, const char *folder, char **ret_why);
/* The name of the device behind it ("0-0048"), for properties; NULL: none. The caller frees. */
char *tb_sysclass_device(const TbSysclass *sort, const char *folder);
