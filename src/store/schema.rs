//! The tables, as the migrations leave them (`diesel print-schema`).

diesel::table! {
    settings (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    people (nhs_number) {
        nhs_number -> Text,
        standing -> Text,
        birth_date -> Nullable<Text>,
        birth_from -> Nullable<BigInt>,
        birth_to -> Nullable<BigInt>,
        practice -> Nullable<Text>,
        updated_at -> BigInt,
        died_at -> Nullable<BigInt>,
        version -> BigInt,
    }
}

diesel::table! {
    person_names (nhs_number, position) {
        nhs_number -> Text,
        position -> Integer,
        name_use -> Text,
        family -> Nullable<Text>,
        given -> Text,
        prefix -> Text,
        suffix -> Text,
    }
}

diesel::table! {
    relationships (id) {
        id -> Text,
        version -> BigInt,
        proxy -> Text,
        patient -> Text,
        verified -> Bool,
        active -> Bool,
        updated_at -> BigInt,
    }
}

diesel::table! {
    relationship_versions (id, version) {
        id -> Text,
        version -> BigInt,
        proxy -> Text,
        patient -> Text,
        verified -> Bool,
        active -> Bool,
        updated_at -> BigInt,
    }
}

diesel::table! {
    relationship_codes (relationship_id, version, position) {
        relationship_id -> Text,
        version -> BigInt,
        position -> Integer,
        system -> Text,
        code -> Text,
        display -> Nullable<Text>,
        display_folded -> Nullable<Text>,
    }
}

diesel::table! {
    person_name_parts (nhs_number, position) {
        nhs_number -> Text,
        position -> Integer,
        part -> Text,
        value -> Text,
        folded -> Text,
    }
}

diesel::table! {
    roles (id) {
        id -> Text,
        version -> BigInt,
        proxy -> Text,
        patient -> Text,
        status -> Text,
        reason_code -> Text,
        reason_text -> Nullable<Text>,
        legal_basis -> Text,
        grantor -> Nullable<Text>,
        start_text -> Nullable<Text>,
        end_text -> Nullable<Text>,
        start_at -> Nullable<BigInt>,
        end_at -> Nullable<BigInt>,
        created_text -> Text,
        created_from -> BigInt,
        created_to -> BigInt,
        updated_at -> BigInt,
        needs_review -> Bool,
        reason_by -> Nullable<Text>,
    }
}

diesel::table! {
    role_versions (id, version) {
        id -> Text,
        version -> BigInt,
        proxy -> Text,
        patient -> Text,
        status -> Text,
        reason_code -> Text,
        reason_text -> Nullable<Text>,
        legal_basis -> Text,
        grantor -> Nullable<Text>,
        start_text -> Nullable<Text>,
        end_text -> Nullable<Text>,
        start_at -> Nullable<BigInt>,
        end_at -> Nullable<BigInt>,
        created_text -> Text,
        created_from -> BigInt,
        created_to -> BigInt,
        updated_at -> BigInt,
        needs_review -> Bool,
        reason_by -> Nullable<Text>,
    }
}

diesel::table! {
    access_requests (id) {
        id -> Text,
        version -> BigInt,
        reference_code -> Text,
        status -> Text,
        applicant -> Text,
        proxy -> Text,
        patient -> Text,
        authored_text -> Text,
        authored_from -> BigInt,
        authored_to -> BigInt,
        questionnaire -> Text,
        document -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    access_segments (id) {
        id -> Text,
        number -> BigInt,
        position -> BigInt,
        hash -> Text,
        length -> Nullable<BigInt>,
        is_removed -> Bool,
    }
}

diesel::table! {
    access_request_versions (id, version) {
        id -> Text,
        version -> BigInt,
        reference_code -> Text,
        status -> Text,
        applicant -> Text,
        proxy -> Text,
        patient -> Text,
        authored_text -> Text,
        authored_from -> BigInt,
        authored_to -> BigInt,
        questionnaire -> Text,
        document -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    audit_chains (chain) {
        chain -> BigInt,
        sequence -> BigInt,
        hash -> Text,
    }
}

diesel::table! {
    audit_records (id) {
        id -> Text,
        chain -> BigInt,
        sequence -> BigInt,
        previous_hash -> Text,
        hash -> Text,
        recorded_at -> BigInt,
        act -> Text,
        outcome -> Text,
        refusal -> Nullable<Text>,
        caller_kind -> Text,
        caller_id -> Nullable<Text>,
        organisation -> Nullable<Text>,
        app -> Nullable<Text>,
        grant_id -> Nullable<Text>,
        request_id -> Nullable<Text>,
        subject -> Nullable<Text>,
        subject_version -> Nullable<BigInt>,
        query -> Nullable<Text>,
        patient -> Nullable<Text>,
        proxy -> Nullable<Text>,
    }
}

diesel::table! {
    outbox (id) {
        id -> Text,
        occurred_at -> BigInt,
        topic -> Text,
        subject -> Text,
        subject_version -> BigInt,
        patient -> Text,
        proxy -> Text,
        position -> Nullable<BigInt>,
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        email -> Nullable<Text>,
    }
}

diesel::table! {
    identities (issuer, subject) {
        issuer -> Text,
        subject -> Text,
        user_id -> Text,
        linked_at -> BigInt,
    }
}

diesel::table! {
    account_users (nhs_number, user_id) {
        nhs_number -> Text,
        user_id -> Text,
        since -> BigInt,
    }
}

diesel::table! {
    grants (id) {
        id -> Text,
        app -> Text,
        mode -> Text,
        user_id -> Nullable<Text>,
        patient -> Nullable<Text>,
        proxy -> Nullable<Text>,
        role_id -> Nullable<Text>,
        scope -> Text,
        vot -> Nullable<Text>,
        staff -> Nullable<Text>,
        organisation -> Nullable<Text>,
        fhir_user -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
        parent_id -> Nullable<Text>,
        audience -> Nullable<Text>,
    }
}

diesel::table! {
    codes (digest) {
        digest -> Text,
        grant_id -> Text,
        redirect_uri -> Text,
        challenge -> Text,
        nonce -> Nullable<Text>,
        dpop_jkt -> Nullable<Text>,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    refresh_tokens (digest) {
        digest -> Text,
        grant_id -> Text,
        dpop_jkt -> Nullable<Text>,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    seen_once (digest) {
        digest -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    log_ins (digest) {
        digest -> Text,
        app -> Text,
        request -> Text,
        provider -> Nullable<Text>,
        departure -> Nullable<Text>,
        user_id -> Nullable<Text>,
        person -> Nullable<Text>,
        has_chosen -> Bool,
        patient -> Nullable<Text>,
        role_id -> Nullable<Text>,
        expires_at -> BigInt,
    }
}

diesel::table! {
    apps (client_id) {
        client_id -> Text,
        name -> Text,
        mode -> Text,
        secret_sha256 -> Nullable<Text>,
        jwks -> Nullable<Text>,
        jwks_uri -> Nullable<Text>,
        redirect_uris -> Text,
        grant_types -> Text,
        scope -> Text,
        is_dpop_bound -> Bool,
        created_at -> BigInt,
        logout_uris -> Nullable<Text>,
    }
}

diesel::table! {
    pushed_requests (digest) {
        digest -> Text,
        app -> Text,
        parameters -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    subscriptions (id) {
        id -> Text,
        version -> BigInt,
        updated_at -> BigInt,
        status -> Text,
        error -> Nullable<Text>,
        is_deleted -> Bool,
        owner_key -> Text,
        owner -> Text,
        grant_id -> Nullable<Text>,
        style -> Text,
        topics -> Text,
        about -> Nullable<Text>,
        criteria -> Text,
        filters -> Text,
        channel_type -> Text,
        endpoint -> Nullable<Text>,
        url -> Nullable<Text>,
        contacts -> Nullable<Text>,
        payload -> Nullable<Text>,
        content -> Text,
        heartbeat_seconds -> Nullable<BigInt>,
        timeout_seconds -> Nullable<BigInt>,
        max_count -> Nullable<BigInt>,
        end_at -> Nullable<BigInt>,
        document -> Text,
        headers -> Text,
        secret -> Text,
        former_secret -> Nullable<Text>,
        former_until -> Nullable<BigInt>,
        is_set_aside -> Bool,
        criteria_folded -> Nullable<Text>,
    }
}

diesel::table! {
    subscription_versions (id, version) {
        id -> Text,
        version -> BigInt,
        updated_at -> BigInt,
        status -> Text,
        error -> Nullable<Text>,
        is_deleted -> Bool,
        owner_key -> Text,
        document -> Text,
        headers -> Text,
    }
}

diesel::table! {
    deliveries (subscription_id) {
        subscription_id -> Text,
        last_number -> BigInt,
        sent_number -> BigInt,
        batch_until -> Nullable<BigInt>,
        due_at -> Nullable<BigInt>,
        failures -> BigInt,
        failing_since -> Nullable<BigInt>,
        resend_from -> Nullable<BigInt>,
        resend_until -> Nullable<BigInt>,
        lease_holder -> Nullable<Text>,
        lease_until -> Nullable<BigInt>,
        bound_to -> Nullable<Text>,
        bound_until -> Nullable<BigInt>,
        sent_at -> Nullable<BigInt>,
        succeeded_at -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
    }
}

diesel::table! {
    jobs (name) {
        name -> Text,
        due_at -> BigInt,
        lease_holder -> Nullable<Text>,
        lease_until -> Nullable<BigInt>,
        started_at -> Nullable<BigInt>,
        finished_at -> Nullable<BigInt>,
        outcome -> Nullable<Text>,
        done -> BigInt,
        skipped -> BigInt,
        mark -> Nullable<BigInt>,
    }
}

diesel::table! {
    subscription_events (subscription_id, number) {
        subscription_id -> Text,
        number -> BigInt,
        event_id -> Text,
        topic -> Text,
        occurred_at -> BigInt,
        subject -> Text,
        subject_version -> BigInt,
        patient -> Text,
        proxy -> Text,
    }
}

diesel::table! {
    role_uses (role_id) {
        role_id -> Text,
        used_at -> BigInt,
    }
}

diesel::table! {
    attempts (id) {
        id -> Text,
        subscription_id -> Text,
        at -> BigInt,
        kind -> Text,
        first_number -> Nullable<BigInt>,
        last_number -> Nullable<BigInt>,
        is_taken -> Bool,
        failure -> Nullable<Text>,
        status -> Nullable<BigInt>,
        duration_ms -> BigInt,
        answer -> Nullable<Text>,
    }
}

diesel::table! {
    role_milestones (role_id, age) {
        role_id -> Text,
        age -> Integer,
        reached_at -> BigInt,
    }
}

diesel::table! {
    role_reminders (role_id, end_at, days) {
        role_id -> Text,
        end_at -> BigInt,
        days -> Integer,
        reminded_at -> BigInt,
    }
}

diesel::table! {
    messages (id) {
        id -> Text,
        person -> Text,
        reason -> Text,
        role_id -> Text,
        kind -> Text,
        end_text -> Text,
        state -> Text,
        attempts -> BigInt,
        created_at -> BigInt,
        due_at -> BigInt,
    }
}

diesel::table! {
    inbound_events (source, id) {
        source -> Text,
        id -> Text,
        kind -> Text,
        occurred_at -> BigInt,
        received_at -> BigInt,
        outcome -> Text,
    }
}

diesel::table! {
    person_facts (nhs_number, kind) {
        nhs_number -> Text,
        kind -> Text,
        occurred_at -> BigInt,
    }
}

diesel::table! {
    number_changes (old_number) {
        old_number -> Text,
        new_number -> Text,
    }
}

diesel::table! {
    binding_tokens (digest) {
        digest -> Text,
        owner_key -> Text,
        subscriptions -> Text,
        expires_at -> BigInt,
        grant_id -> Nullable<Text>,
    }
}

diesel::table! {
    unheard_events (event_id, subscription_id) {
        event_id -> Text,
        subscription_id -> Text,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    people,
    roles,
    role_versions,
    relationships,
    person_names,
    access_requests,
    role_uses,
    role_milestones,
    role_reminders
);

diesel::allow_tables_to_appear_in_same_query!(account_users, users);
diesel::allow_tables_to_appear_in_same_query!(deliveries, subscriptions);
