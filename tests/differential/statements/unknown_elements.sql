-- columns of pg_stats are arrays of elements that no type is known of
SELECT array_ndims(histogram_bounds), array_length(most_common_vals, 1), cardinality(histogram_bounds) FROM pg_stats WHERE tablename = 'none';
SELECT array_to_string(most_common_vals, ','), to_json(most_common_vals) FROM pg_stats WHERE tablename = 'none';
SELECT most_common_vals::text::text[] FROM pg_stats WHERE tablename = 'none';
SELECT max(most_common_vals) FROM pg_stats WHERE tablename = 'none';
SELECT unnest(most_common_vals) FROM pg_stats WHERE tablename = 'none';
SELECT most_common_vals[1] FROM pg_stats WHERE tablename = 'none';
SELECT array_append(most_common_vals, 1) FROM pg_stats WHERE tablename = 'none';
SELECT array_append(most_common_vals, NULL) FROM pg_stats WHERE tablename = 'none';
SELECT array_position(most_common_vals, 1) FROM pg_stats WHERE tablename = 'none';
SELECT most_common_vals = most_common_elems FROM pg_stats WHERE tablename = 'none';
SELECT most_common_vals = '{1}'::int[] FROM pg_stats WHERE tablename = 'none';
SELECT array_ndims(NULL);
