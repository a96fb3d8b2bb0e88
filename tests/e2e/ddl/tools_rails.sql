-- Ruby on Rails (ActiveRecord 7): what migrations and schema:load send.
CREATE TABLE "schema_migrations" ("version" character varying NOT NULL PRIMARY KEY);
CREATE TABLE "ar_internal_metadata" ("key" character varying NOT NULL PRIMARY KEY, "value" character varying, "created_at" timestamp(6) NOT NULL, "updated_at" timestamp(6) NOT NULL);
CREATE TABLE "users" ("id" bigserial primary key, "email" character varying DEFAULT '' NOT NULL, "encrypted_password" character varying DEFAULT '' NOT NULL, "sign_in_count" integer DEFAULT 0 NOT NULL, "current_sign_in_at" timestamp(6), "last_sign_in_ip" inet, "admin" boolean DEFAULT FALSE, "score" decimal(10,2) DEFAULT 0.0, "rate" float, "born" date, "wakes" time, "photo" bytea, "data" json, "prefs" jsonb DEFAULT '{}' NOT NULL, "roles" character varying[] DEFAULT '{}', "uid" uuid DEFAULT gen_random_uuid() NOT NULL, "created_at" timestamp(6) NOT NULL, "updated_at" timestamp(6) NOT NULL);
CREATE UNIQUE INDEX "index_users_on_email" ON "users" ("email");
CREATE INDEX "index_users_on_created_at" ON "users" ("created_at" DESC);
CREATE UNIQUE INDEX "index_users_on_lower_email" ON "users" (lower(email));
CREATE INDEX CONCURRENTLY "index_users_admins" ON "users" ("admin") WHERE (admin = true);
CREATE INDEX "index_users_on_prefs" ON "users" USING btree ("score", "rate");
\d users;
CREATE TABLE "posts" ("id" bigserial primary key, "user_id" bigint NOT NULL, "title" character varying(200), "body" text, "published" boolean DEFAULT FALSE NOT NULL, "created_at" timestamp(6) NOT NULL, "updated_at" timestamp(6) NOT NULL, CONSTRAINT "fk_rails_5b5ddfd518"
FOREIGN KEY ("user_id")
  REFERENCES "users" ("id")
);
CREATE INDEX "index_posts_on_user_id" ON "posts" ("user_id");
CREATE TABLE "tags" ("id" uuid DEFAULT gen_random_uuid() NOT NULL PRIMARY KEY, "name" character varying);
CREATE TABLE "posts_tags" ("post_id" bigint NOT NULL, "tag_id" uuid NOT NULL);
ALTER TABLE "posts_tags" ADD CONSTRAINT "fk_rails_aaa" FOREIGN KEY ("post_id") REFERENCES "posts" ("id") ON DELETE CASCADE;
ALTER TABLE "posts_tags" ADD CONSTRAINT "fk_rails_bbb" FOREIGN KEY ("tag_id") REFERENCES "tags" ("id") ON DELETE CASCADE NOT VALID;
ALTER TABLE "posts_tags" VALIDATE CONSTRAINT "fk_rails_bbb";
ALTER TABLE "posts" ADD "slug" character varying;
ALTER TABLE "posts" ADD "views" integer DEFAULT 0 NOT NULL;
ALTER TABLE "posts" ALTER COLUMN "title" TYPE text;
ALTER TABLE "posts" ALTER COLUMN "title" SET DEFAULT 'untitled';
UPDATE "posts" SET "slug"='' WHERE "slug" IS NULL;
ALTER TABLE "posts" ALTER COLUMN "slug" SET NOT NULL;
ALTER TABLE "posts" ALTER COLUMN "slug" DROP NOT NULL;
ALTER TABLE "posts" ALTER COLUMN "title" SET DEFAULT NULL;
ALTER TABLE "posts" RENAME COLUMN "slug" TO "permalink";
ALTER INDEX "index_posts_on_user_id" RENAME TO "index_posts_on_author";
ALTER TABLE "posts" ADD CONSTRAINT "chk_views" CHECK (views >= 0) NOT VALID;
ALTER TABLE "posts" VALIDATE CONSTRAINT "chk_views";
ALTER TABLE "posts" DROP CONSTRAINT "chk_views";
COMMENT ON TABLE "posts" IS 'articles';
COMMENT ON COLUMN "posts"."title" IS NULL;
\d posts;
\d posts_tags;
INSERT INTO posts (user_id, title, created_at, updated_at) SELECT 1, 'x', '2024-01-01', '2024-01-01' WHERE false;
ALTER TABLE "posts" RENAME TO "articles";
ALTER TABLE "public"."posts_id_seq" RENAME TO "articles_id_seq";
ALTER INDEX "posts_pkey" RENAME TO "articles_pkey";
ALTER INDEX "index_posts_on_author" RENAME TO "index_articles_on_author";
\d articles;
CREATE TYPE "public"."status" AS ENUM ('draft', 'live');
ALTER TYPE "public"."status" ADD VALUE IF NOT EXISTS 'archived';
ALTER TYPE "public"."status" ADD VALUE 'review' BEFORE 'live';
ALTER TYPE "public"."status" RENAME VALUE 'draft' TO 'sketch';
ALTER TABLE "articles" ADD "status" status DEFAULT 'sketch' NOT NULL;
INSERT INTO "users" ("email", "created_at", "updated_at") VALUES ('a@b.c', '2024-01-01 00:00:00.123456', '2024-01-01 00:00:00') RETURNING "id", "admin", "score", "roles", "prefs";
INSERT INTO "articles" ("user_id", "permalink", "created_at", "updated_at") VALUES (1, 'x', '2024-01-01', '2024-01-01') RETURNING "id", "status", "views";
ALTER TABLE "articles" DROP COLUMN "body", DROP COLUMN "published";
-- refused
ALTER TABLE "articles" ADD CONSTRAINT "articles_permalink_key" UNIQUE ("permalink") DEFERRABLE INITIALLY DEFERRED;
CREATE UNIQUE INDEX "index_articles_unique" ON "articles" ("user_id", "permalink");
-- refused
ALTER TABLE "articles" ADD CONSTRAINT "unique_user_permalink" UNIQUE USING INDEX "index_articles_unique";
\d articles;
SELECT pg_catalog.setval('"articles_id_seq"', 7);
INSERT INTO "articles" ("user_id", "permalink", "created_at", "updated_at") VALUES (1, 'y', '2024-01-01', '2024-01-01') RETURNING "id";
TRUNCATE TABLE "articles", "users", "posts_tags" RESTART IDENTITY CASCADE;
-- refused
CREATE EXTENSION IF NOT EXISTS "plpgsql";
DROP INDEX CONCURRENTLY "index_users_admins";
DROP INDEX "index_users_on_email";
CREATE TABLE "roles" ("id" serial NOT NULL PRIMARY KEY, "name" character varying COLLATE "C");
CREATE VIEW "live_articles" AS SELECT articles.id, articles.title FROM articles WHERE articles.status = 'live';
CREATE TABLE "bulk" ("id" bigserial primary key, "a" integer, "b" integer, "total" integer GENERATED ALWAYS AS (a + b) STORED);
CREATE INDEX "index_bulk" ON "bulk" ("a") INCLUDE ("b");
CREATE UNIQUE INDEX "index_bulk_u" ON "bulk" ("b") INCLUDE ("a") WHERE b > 0;
\d bulk;
DROP TABLE "bulk";
DROP TABLE IF EXISTS "posts_tags" CASCADE;
