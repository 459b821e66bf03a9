#pragma once
/*
 * A rule: when something, then commands. Parsed from JSON (configuration, REST, the state folder), and what becomes of it when something
 * happens: pure. Time and what happened come in, a verdict goes out; nothing here acts. Times are ms since the epoch.
 * docs/RULES.md says what users write.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#define TB_RULE_PER_HOUR 3600 /* that a rule may ask for */

typedef enum TbRuleSort {
        TB_RULE_STREAM,   /* a sensor stream above, below or outside */
        TB_RULE_CONSOLE,  /* a pattern that a console prints */
        TB_RULE_EVENT,    /* an event of the bus */
        TB_RULE_MISSING,  /* no byte of a console, no sample of a stream, for so long */
        TB_RULE_SCHEDULE, /* every so many seconds, or once a day */
} TbRuleSort;

typedef struct TbRule {
        char *name;
        char *device;    /* NULL: any (events), none (schedules) */
        char *interface; /* NULL: any; of consoles and `power`: the first of the device */
        char *note;      /* NULL: none */
        bool enabled, dry_run, takes_lease;
        TbRuleSort sort;
        /* stream */
        char *stream; /* also of MISSING; there NULL: a console */
        bool has_low, has_high;
        double low, high; /* it is so above high, or below low */
        double hysteresis;
        guint samples;
        bool repeat;
        gint64 for_ms; /* also of MISSING */
        char *pattern;
        char *event;     /* type */
        json_t *where;   /* object: fields of the event and what they are; NULL: any */
        char *differ[2]; /* fields that say different things; NULL: not asked for */
        gint64 every_ms; /* 0: not said */
        int at_minute;   /* of the day, local time; -1: not said */
        int power;       /* while: -1 whatever; 0 off; 1 on */
        json_t *then;    /* array, as docs/RULES.md says; checked; with secrets */
        gint64 cooldown_ms;
        guint per_hour;
        int from_minute, to_minute; /* active hours, local time; -1: always */
        json_t *source;             /* as it was given, with defaults; owned */
} TbRule;

/* NULL: what is wrong, with the field to blame ("when.above", "then[0].verb"). `json` is borrowed. */
TbRule *tb_rule_parse(json_t *json, GError **error);
void tb_rule_free(TbRule *rule); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbRule, tb_rule_free)
/* As REST shows it: secrets are "***". `whole`: for who may change it; for others of webhooks only where they go. New reference. */
json_t *tb_rule_shown(const TbRule *rule, bool whole);
/* "https://chat.example/…": the path of such an address may be what opens it. The caller frees. */
char *tb_rule_place(const char *url);
/* `json` (changed) has "***" where `before` has a secret: it stays. */
void tb_rule_keep_secrets(json_t *json, const TbRule *before);

/* --- what becomes of it --- */
typedef struct TbRuleState {
        guint hits;          /* samples in a row that are so */
        gint64 since_ms;     /* of the first of them; 0: none */
        bool on;             /* it is so, and was acted upon */
        bool held_told;      /* that it is held back was told, of this time */
        gint64 fired_ms;     /* 0: never */
        GArray *times;       /* of gint64: when it fired within the last hour; NULL: never */
        gint64 seen_ms;      /* missing: the last byte or sample, or when one began to wait */
        gint64 due_ms;       /* schedule: 0: not reckoned yet */
        int power;           /* of the device: -1 unknown, 0, 1 */
        gint64 power_ms;     /* since when */
        guint64 count, held; /* how often it fired, and was held back */
} TbRuleState;

void tb_rule_state_init(TbRuleState *state, gint64 now_ms);
void tb_rule_state_clear(TbRuleState *state);

typedef struct TbRuleVerdict {
        enum { TB_RULE_NOTHING, TB_RULE_FIRES, TB_RULE_HELD } what;
        const char *why; /* HELD: in words; static */
} TbRuleVerdict;

TbRuleVerdict tb_rule_sample(const TbRule *rule, TbRuleState *state, double value, gint64 t_ms);
TbRuleVerdict tb_rule_matched(const TbRule *rule, TbRuleState *state,
                              gint64 t_ms); /* its pattern was printed */
/* `device`, `interface` nullable. An event that rules have caused is none ("command" by rule:…). */
TbRuleVerdict tb_rule_event(const TbRule *rule, TbRuleState *state, const char *type, const char *device,
                            const char *interface, const json_t *data, gint64 t_ms);
void tb_rule_seen(TbRuleState *state, gint64 t_ms); /* a byte, a sample of what may be missing */
/* The device's power was seen to be so; -1: unknown. */
void tb_rule_power(TbRuleState *state, int power, gint64 t_ms);
/* The wall clock was set by so much: what lasts, lasts as long as it would have; hours of the day are by the new time. */
void tb_rule_clock_set(const TbRule *rule, TbRuleState *state, gint64 by_ms);
/* The clock; at tb_rule_due_ms(). */
TbRuleVerdict tb_rule_tick(const TbRule *rule, TbRuleState *state, gint64 t_ms);
gint64 tb_rule_due_ms(const TbRule *rule, TbRuleState *state, gint64 now_ms); /* 0: nothing is due */
/* When it may fire again; 0: now. */
gint64 tb_rule_cool_ms(const TbRule *rule, const TbRuleState *state, gint64 t_ms);
