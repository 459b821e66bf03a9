#pragma once
/*
 * Sensors that are files of a folder of sysfs, one number each: which stream a file is, and reading all of them. What the files are
 * called is the driver's. A sensor that sleeps, is switched off or has nothing to say yet (EAGAIN, EBUSY, ENODATA) is not told; one
 * that fails is an error after the others have been told.
 *
 *      static const TbLane lanes[] = TB_ATTRS_LANES(open_sensors);
 *
 * Thread: the lane's worker.
 */
#include "drivers/driver.h"
#include "lib/limits.h"

typedef struct TbAttrs TbAttrs;

/* A file that is one value: (number + offset) × scale. */
typedef struct TbAttrsFile {
        const char *file;     /* in the folder */
        const char *fault;    /* the file that says 1 while there is no sensor, or a broken one; NULL: none */
        const char *quantity; /* static; the first word of its stream, too */
        const char *label;    /* what is at its end: "Package id 0" -> "temperature.package-id-0" */
        const char *unit;     /* static */
        double offset, scale;
} TbAttrsFile;

TbAttrs *tb_attrs_new(const char *folder);
void tb_attrs_free(TbAttrs *attrs); /* accepts NULL */
/* Copied. A stream of that name has a number behind it. False: there are TB_LIMIT_STREAMS of them. */
bool tb_attrs_add(TbAttrs *attrs, const TbAttrsFile *attr);
guint tb_attrs_count(const TbAttrs *attrs);
/* Tells every one. GONE: the folder is not there any more; DEVICE: one of them cannot be read, the text says which and why. */
bool tb_attrs_tell(TbAttrs *attrs, TbInstance *self, TbIo *io, GError **error);
/* The number that stands in a file of `folder`; NAN: none, *ret_errno (nullable) why. */
double tb_attrs_number(const char *folder, const char *file, int *ret_errno);

/* A lane of them; its open is the driver's. */
typedef struct TbAttrsLane {
        TbInstance base;
        TbAttrs *attrs; /* owned; NULL: closed */
        bool gone;      /* the last look found no folder */
} TbAttrsLane;
/* What open ends with. `attrs_take` NULL: false. */
bool tb_attrs_opened(TbInstance *self, TbAttrs *attrs_take);
void tb_attrs_close(TbInstance *self);
bool tb_attrs_sample(TbInstance *self, TbIo *io, GError **error);
bool tb_attrs_pump(TbInstance *self, TbIo *io, GError **error);
extern const TbSensorOps tb_attrs_sensors; /* every 2 s where "interval_ms" does not say */
#define TB_ATTRS_LANES(opens)                                                                                \
        {                                                                                                    \
                {.name = "sensors",                                                                          \
                 .size = sizeof(TbAttrsLane),                                                                \
                 .open = (opens),                                                                            \
                 .close = tb_attrs_close,                                                                    \
                 .pump = tb_attrs_pump,                                                                      \
                 .sensors = &tb_attrs_sensors},                                                              \
                        {.name = NULL},                                                                      \
        }
#define TB_ATTRS_PARAM                                                                                       \
        {                                                                                                    \
                .name = "interval_ms", .type = TB_PARAM_INT, .min = TB_LIMIT_SENSOR_MS_MIN, .max = 3600000,  \
                .fallback = "2000", .unit = "ms", .help = "pause between two looks"                          \
        }
