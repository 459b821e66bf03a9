#pragma once
/*
 * The SQL of the server, one file per statement in server/store/sql and one per migration in sql/migrations, put into
 * the program by mk/sql.sh. One text for SQLite and PostgreSQL: parameters $1, $2 …, ON CONFLICT, RETURNING, and the
 * types TEXT, BIGINT and BYTEA. A migration that was released is never edited: the next one mends it.
 */
typedef struct TbMigration {
        int number; /* 1, 2 …; 0 ends the table */
        const char *name, *sql;
} TbMigration;

extern const TbMigration tb_migrations[];

extern const char tb_sql_migrations_table[], tb_sql_migrations_last[], tb_sql_migrations_add[];
extern const char tb_sql_session_put[], tb_sql_session_touch[], tb_sql_session_end[], tb_sql_session_list[];
extern const char tb_sql_enrolment_put[], tb_sql_enrolment_end[], tb_sql_enrolment_list[];
extern const char tb_sql_host_put[], tb_sql_host_forget[], tb_sql_host_list[], tb_sql_host_names_server[];
extern const char tb_sql_user_put[], tb_sql_user_end[], tb_sql_user_list[];
extern const char tb_sql_group_put[], tb_sql_group_end[], tb_sql_group_list[];
extern const char tb_sql_login_put[], tb_sql_login_end[], tb_sql_login_list[];
extern const char tb_sql_audit_add[], tb_sql_audit_page[], tb_sql_audit_forget[], tb_sql_audit_cut[];
extern const char tb_sql_audit_chain[], tb_sql_audit_chain_page[], tb_sql_audit_export[];
extern const char tb_sql_audit_head_first[], tb_sql_audit_head_lock[], tb_sql_audit_head_get[],
        tb_sql_audit_head_set[];
/* server/events */
extern const char tb_sql_ev_attempt_add[], tb_sql_ev_attempt_list[], tb_sql_ev_device_add[],
        tb_sql_ev_device_get[];
extern const char tb_sql_ev_endpoint_gone[], tb_sql_ev_subscription_gone[];
extern const char tb_sql_ev_job_add[], tb_sql_ev_job_claim[], tb_sql_ev_job_end[], tb_sql_ev_job_get[];
extern const char tb_sql_ev_job_kill[], tb_sql_ev_job_next[], tb_sql_ev_job_renew[], tb_sql_ev_job_later[],
        tb_sql_ev_login_add[];
extern const char tb_sql_ev_login_forget[], tb_sql_ev_login_list[], tb_sql_ev_person_add[],
        tb_sql_ev_person_find[];
extern const char tb_sql_ev_session_add[], tb_sql_ev_session_cancel[], tb_sql_ev_session_drop[],
        tb_sql_ev_session_get[];
extern const char tb_sql_ev_session_list[], tb_sql_ev_session_stop[], tb_sql_event_add[], tb_sql_event_end[];
extern const char tb_sql_event_get[], tb_sql_event_last[], tb_sql_event_of_session[], tb_sql_event_page[];
extern const char tb_sql_event_stored[], tb_sql_event_summary[], tb_sql_event_uploaded[];
/* … and who is told */
extern const char tb_sql_ev_endpoint_add[], tb_sql_ev_endpoint_browsers[], tb_sql_ev_endpoint_find[],
        tb_sql_ev_endpoint_forget[], tb_sql_ev_endpoint_list[];
extern const char tb_sql_ev_endpoint_quiet[], tb_sql_ev_invite_add[], tb_sql_ev_invite_find[],
        tb_sql_ev_invite_list[];
extern const char tb_sql_ev_invite_old[], tb_sql_ev_invite_revoke[], tb_sql_ev_invite_unsubscribe[],
        tb_sql_ev_link_add[];
extern const char tb_sql_ev_link_endpoint[], tb_sql_ev_link_find[], tb_sql_ev_link_get[],
        tb_sql_ev_link_invite[];
extern const char tb_sql_ev_link_old[], tb_sql_ev_link_subscribe[], tb_sql_ev_link_take[],
        tb_sql_ev_subscription_add[];
extern const char tb_sql_ev_subscription_end[], tb_sql_ev_target_list[], tb_sql_ev_telling_add[],
        tb_sql_ev_telling_begin[];
extern const char tb_sql_ev_telling_due[], tb_sql_ev_telling_end[], tb_sql_ev_telling_hook[];
extern const char tb_sql_ev_telling_later[], tb_sql_ev_telling_begun[], tb_sql_ev_telling_next[];
/* … what it costs, and how long it is kept */
extern const char tb_sql_ev_charge_add[], tb_sql_ev_charge_sum[], tb_sql_ev_charge_forget[];
extern const char tb_sql_event_owners[], tb_sql_event_expire[], tb_sql_event_has_blob[];
extern const char tb_sql_ev_telling_forget[], tb_sql_ev_attempt_forget[], tb_sql_ev_job_forget[];
extern const char tb_sql_migrations_first[];
/* all of one person: what there is, and its end */
extern const char tb_sql_erase_jobs[], tb_sql_erase_attempts[], tb_sql_erase_tellings[],
        tb_sql_erase_subscriptions[];
extern const char tb_sql_erase_call_guests[], tb_sql_erase_call_people[], tb_sql_erase_calls[],
        tb_sql_erase_call_ends[], tb_sql_erase_links[], tb_sql_erase_invites[], tb_sql_erase_endpoints[],
        tb_sql_erase_watches[];
extern const char tb_sql_erase_devices[], tb_sql_erase_logins[], tb_sql_erase_people[],
        tb_sql_erase_charges[];
extern const char tb_sql_erase_events[], tb_sql_erase_audit_page[], tb_sql_erase_audit[],
        tb_sql_erase_settle[];
extern const char tb_sql_mine_calls[], tb_sql_mine_links[], tb_sql_mine_audit[], tb_sql_mine_people[],
        tb_sql_mine_devices[];
extern const char tb_sql_mine_watches[], tb_sql_mine_events[], tb_sql_mine_told[], tb_sql_mine_invites[];
extern const char tb_sql_mine_charges[], tb_sql_mine_recordings[];
extern const char tb_sql_erase_recordings[], tb_sql_erase_recording_tracks[], tb_sql_erase_recording_people[];
extern const char tb_sql_erase_recording_links[], tb_sql_erase_recording_views[];
/* server/calls */
extern const char tb_sql_call_add[], tb_sql_call_answer[], tb_sql_call_close[], tb_sql_call_count[],
        tb_sql_call_get[];
extern const char tb_sql_call_invite[], tb_sql_call_join[], tb_sql_call_late[], tb_sql_call_leave[],
        tb_sql_call_page[];
extern const char tb_sql_call_quality[], tb_sql_call_stats[], tb_sql_call_enter[], tb_sql_call_part[],
        tb_sql_call_person[], tb_sql_call_ringing[];
extern const char tb_sql_call_guest_add[], tb_sql_call_guest_find[], tb_sql_call_guest_old[],
        tb_sql_call_guest_revoke[];
/* server/recordings */
extern const char tb_sql_recording_add[], tb_sql_recording_answer[], tb_sql_recording_begin[];
extern const char tb_sql_recording_call[], tb_sql_recording_chunk_add[], tb_sql_recording_chunk_gone[];
extern const char tb_sql_recording_chunk_stored[], tb_sql_recording_chunks[], tb_sql_recording_destroy[];
extern const char tb_sql_recording_get[], tb_sql_recording_gone[], tb_sql_recording_gone_links[];
extern const char tb_sql_recording_gone_people[], tb_sql_recording_gone_tracks[], tb_sql_recording_joined[];
extern const char tb_sql_recording_keys[], tb_sql_recording_late_asked[], tb_sql_recording_late_call[];
extern const char tb_sql_recording_late_upload[], tb_sql_recording_link_add[], tb_sql_recording_link_find[];
extern const char tb_sql_recording_link_old[], tb_sql_recording_list[], tb_sql_recording_old[];
extern const char tb_sql_recording_oldest_key[], tb_sql_recording_person[], tb_sql_recording_pieces[];
extern const char tb_sql_recording_place[], tb_sql_recording_remains[], tb_sql_recording_rewrap[];
extern const char tb_sql_recording_stop[], tb_sql_recording_track_add[], tb_sql_recording_track_end[];
extern const char tb_sql_recording_tracks[], tb_sql_recording_viewed[];
